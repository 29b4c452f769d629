"""Ways to reach people and programs, one file each; :data:`opint.notifications.receivers.registry.SENDERS` has all."""
