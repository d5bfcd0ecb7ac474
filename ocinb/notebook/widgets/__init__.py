"""Live views of images, containers and documents; each is a good picture without a kernel, too."""
