"""An SVG of ours in other formats: PNG, PDF, TikZ."""
