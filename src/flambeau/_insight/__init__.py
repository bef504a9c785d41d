"""Looking at a model and its steps: tables, costs, pictures."""
