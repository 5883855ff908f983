"""What memory models take: their published configs go in, estimates come out and are held against published figures."""
