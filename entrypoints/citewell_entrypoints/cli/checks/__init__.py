"""What `citewell doctor` looks at."""
