#!/bin/bash
# Runs once on each instance, as root, before the ECS agent starts. @JOB_UID@ is filled in.
set -euo pipefail

# A Spot instance about to be reclaimed takes no new job, and ends its jobs in good order.
echo "ECS_ENABLE_SPOT_INSTANCE_DRAINING=true" >> "${ECS_CONFIG:-/etc/ecs/ecs.config}"

# Jobs use the host's network, so a hop limit does not keep them from the metadata service, which
# hands out the instance's credentials. Their user is refused it; the task's own credentials come
# from another address.
iptables --wait --insert OUTPUT --destination 169.254.169.254/32 \
  --match owner --uid-owner "@JOB_UID@" --jump REJECT
