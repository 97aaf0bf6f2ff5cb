"""Look at tiles: weights file, network, engines, GradCAM."""
