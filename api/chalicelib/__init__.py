"""What the routes need: services, models of requests and responses, views and errors."""
