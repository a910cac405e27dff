"""What a duplicate is: the pipeline from a listing to a plan, and the journaled way from a plan to an action."""
