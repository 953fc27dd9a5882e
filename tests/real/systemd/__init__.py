"""The Debian package on a real systemd, in a Debian tree booted for it."""
