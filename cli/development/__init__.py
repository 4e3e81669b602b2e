"""What `widget-auth dev` is made of: everything on one machine, started, watched and stopped."""
