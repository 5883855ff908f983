"""How soon a service answers: `cases` are started, `measure` waits for each model, `page` writes what it took."""
