"""What readers share: values on their way through tensors, fields that are used up, models in the making."""
