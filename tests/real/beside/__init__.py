"""Our `/probe` beside Debian's blackbox_exporter: the same servers, the same modules, the same questions."""
