"""A curl for each task, ready to paste: an address and a model go in, a command comes out."""

BODIES = {
    "llm": ("/v1/chat/completions", '{{"model": "{model}", "messages": [{{"role": "user", "content": "Hello!"}}]}}'),
    "tts": ("/v1/audio/speech", '{{"model": "{model}", "input": "Hello!", "voice": "alloy"}}'),
    "embeddings": ("/v1/embeddings", '{{"model": "{model}", "input": "Hello!"}}'),
    "rerank": ("/v1/rerank", '{{"model": "{model}", "query": "sea", "documents": ["a harbour", "a mountain"]}}'),
}


KEY = ' -H "authorization: Bearer $KEY"'


def curl(address: str, model: str, task: str, *, keys: bool) -> str:
    """The command for `model`, under its own path; with `keys` it sends the shell's $KEY."""
    sent = KEY if keys else ""
    if task == "stt":
        return f"curl {address}/{model}/v1/audio/transcriptions{sent} -F file=@speech.wav"
    path, body = BODIES[task]
    output = " -o speech.mp3" if task == "tts" else ""
    return f"curl {address}/{model}{path}{sent} --json '{body.format(model=model)}'{output}"
