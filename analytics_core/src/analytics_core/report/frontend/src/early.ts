// Runs in the head: the chosen theme stands before anything is painted.
try {
  const chosen = localStorage.getItem("cocktail-atlas.theme");
  if (chosen === '"dark"' || chosen === '"light"') {
    document.documentElement.dataset.theme = JSON.parse(chosen) as string;
  }
} catch {
  // storage is switched off: the system's theme it is
}
