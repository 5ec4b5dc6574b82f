"""What the routes need: the shapes of requests and answers, and how an error is told."""
