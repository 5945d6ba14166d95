"""Messages to token ids and back, through the checkpoint's own tokenizer and chat template.

Text that merely looks like a special token (a question about "<|im_end|>") is encoded as plain text: only the
template itself may open a turn or place an image.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple, cast

from vleval.model.config import ModelConfig
from vleval.model.errors import CheckpointError
from vleval.model.files import read_json, refuse_lfs_pointer
from vleval.model.io import Media, Message
from vleval.model.windows import GridTHW

if TYPE_CHECKING:
    from tokenizers import Tokenizer
    from transformers import PreTrainedTokenizerFast

CHATML_TEMPLATE = """\
{%- for message in messages -%}
{%- if loop.first and message['role'] != 'system' -%}
{{- '<|im_start|>system\\nYou are a helpful assistant.<|im_end|>\\n' -}}
{%- endif -%}
{{- '<|im_start|>' + message['role'] + '\\n' -}}
{%- if message['content'] is string -%}
{{- message['content'] -}}
{%- else -%}
{%- for part in message['content'] -%}
{%- if part['type'] == 'image' -%}
{{- '<|vision_start|><|image_pad|><|vision_end|>' -}}
{%- elif part['type'] == 'video' -%}
{{- '<|vision_start|><|video_pad|><|vision_end|>' -}}
{%- else -%}
{{- part['text'] -}}
{%- endif -%}
{%- endfor -%}
{%- endif -%}
{{- '<|im_end|>\\n' -}}
{%- endfor -%}
{%- if add_generation_prompt -%}
{{- '<|im_start|>assistant\\n' -}}
{%- endif -%}
"""
"""Qwen2.5-VL's ChatML turns (expected prompts of its README), used when a checkpoint brings no template."""


_LONGEST_WAIT = 8
"""Tokens that may share letters; a letter has at most four."""


class Prompt(NamedTuple):
    """What the model reads."""

    input_ids: list[int]
    """[L]; each medium fills t * h * w / 4 places with its image or video token."""


class ChatPrompt:
    """A checkpoint's tokenizer and chat template."""

    def __init__(
        self,
        tokenizer: PreTrainedTokenizerFast,
        config: ModelConfig,
        eos_ids: tuple[int, ...],
        template: str | None,
    ) -> None:
        """Wrap a loaded tokenizer; `template` None means its own.

        Raises CheckpointError where tokenizer and config do not fit.
        """
        self.eos_ids = eos_ids
        """Tokens that end an answer."""
        self.pad_id: int = eos_ids[0] if tokenizer.pad_token_id is None else tokenizer.pad_token_id
        """Token that fills short rows of a batch."""
        self._tokenizer = tokenizer
        self._backend: Tokenizer = tokenizer.backend_tokenizer
        # Set once, so that threads may encode together; a tokenizer saved after training may still truncate.
        self._backend.encode_special_tokens = True
        self._backend.no_truncation()
        self._backend.no_padding()
        self._template = template
        self._special = {
            token.content: index for index, token in tokenizer.added_tokens_decoder.items() if token.special
        }
        longest_first = sorted(self._special, key=len, reverse=True)
        self._special_text = re.compile("|".join(map(re.escape, longest_first)))
        self._placeholder = {"image": config.image_token_id, "video": config.video_token_id}
        self._patches_per_token = config.vision.spatial_merge_size**2
        self._check(config)

    @classmethod
    def from_folder(cls, folder: Path) -> ChatPrompt:
        """Load tokenizer, chat template and stop tokens of a checkpoint folder; never runs code from it.

        The template is the first found of chat_template.jinja, chat_template.json, tokenizer_config.json and
        `CHATML_TEMPLATE`. Raises CheckpointError.
        """
        config = ModelConfig.from_folder(folder)
        tokenizer = _load_tokenizer(folder)
        return cls(tokenizer, config, _eos_ids(folder, config, tokenizer), _template(folder, tokenizer))

    def render(self, messages: Sequence[Message]) -> str:
        """The prompt as text, one placeholder per medium; opens the assistant's turn unless it spoke last."""
        return "".join(text for text, _ in self._pieces(messages))

    def encode(self, messages: Sequence[Message], grids: Sequence[GridTHW], *, go_on: bool = False) -> Prompt:
        """The prompt as token ids; `grids` holds one (T, H, W) in patches per medium, in reading order.

        `go_on` leaves the assistant's turn open where it spoke last: its words are the beginning of an
        answer. Raises CheckpointError when the template does not place every medium once, in order.
        """
        media = [part for message in messages for part in message.content if isinstance(part, Media)]
        if len(media) != len(grids):
            raise ValueError(f"{len(media)} media but {len(grids)} grids")
        pieces = self._pieces(messages, go_on)
        ids = [index for text, token in pieces for index in self._encode_piece(text, token)]
        expected = [self._placeholder[medium.kind] for medium in media]
        if [index for index in ids if index in self._placeholder.values()] != expected:
            raise CheckpointError(
                "The checkpoint's chat template does not place each image and video once, in order: mend it, "
                "or remove it (vleval then uses Qwen2.5-VL's own)."
            )
        lengths = iter(t * h * w // self._patches_per_token for t, h, w in grids)
        expanded: list[int] = []
        for index in ids:
            expanded += [index] * (next(lengths) if index in self._placeholder.values() else 1)
        return Prompt(expanded)

    def decode(self, ids: Sequence[int]) -> str:
        """The text of generated tokens, without special tokens."""
        text = self._tokenizer.decode(list(ids), skip_special_tokens=True, clean_up_tokenization_spaces=False)
        assert isinstance(text, str)
        return text

    def ends(self, ids: Sequence[int]) -> tuple[int, ...]:
        """Where each token's text ends in `decode(ids)`, in characters. A letter of several tokens belongs to
        the one that completes it."""
        ends, waiting, length = [], list[int](), 0
        for index in ids:
            waiting.append(index)
            piece = self.decode(waiting)
            # Part of a letter decodes to a replacement character; a torn letter ends the wait by its length.
            if not piece.endswith("\ufffd") or len(waiting) >= _LONGEST_WAIT:
                length += len(piece)
                waiting.clear()
            ends.append(length)
        if waiting:
            ends[-1] += len(self.decode(waiting))
        return tuple(ends)

    def _check(self, config: ModelConfig) -> None:
        for kind, index in self._placeholder.items():
            if index not in self._special.values():
                raise CheckpointError(
                    f"config.json names token {index} for {kind}s, which is no special token of "
                    "tokenizer.json: the tokenizer belongs to another checkpoint."
                )
        if len(self._tokenizer) > config.text.vocab_size:
            raise CheckpointError(
                f"tokenizer.json has {len(self._tokenizer)} tokens but the model only "
                f"{config.text.vocab_size}: the tokenizer belongs to another checkpoint."
            )

    def _pieces(self, messages: Sequence[Message], go_on: bool = False) -> Iterator[tuple[str, int | None]]:
        """The rendered prompt cut at the template's special tokens: (text, its id if special else None)."""
        said = "".join(part for message in messages for part in message.content if isinstance(part, str))
        # The template must not see the user's own "<|im_end|>": until the cut is made, its id stands in its
        # place, between two private-use characters that occur nowhere in the text.
        mark = next(c for c in map(chr, range(0xE000, 0xF900)) if c not in said)
        rendered = self._render([self._chat_turn(message, mark) for message in messages], go_on)
        start = 0
        for match in self._special_text.finditer(rendered):
            yield self._unshield(rendered[start : match.start()], mark), None
            yield match[0], self._special[match[0]]
            start = match.end()
        yield self._unshield(rendered[start:], mark), None

    def _chat_turn(self, message: Message, mark: str) -> dict[str, Any]:
        """A message as chat templates read it, its special-looking text shielded."""
        content: list[dict[str, str]] = []
        for is_text, parts in groupby(message.content, key=lambda part: isinstance(part, str)):
            if is_text:  # neighbours are joined first: two halves could form a special token
                text = "".join(part for part in parts if isinstance(part, str))
                shielded = self._special_text.sub(
                    lambda match: f"{mark}{self._special[match[0]]}{mark}", text
                )
                content.append({"type": "text", "text": shielded})
            else:
                content += [{"type": part.kind} for part in parts if isinstance(part, Media)]
        return {"role": message.role, "content": content}

    def _unshield(self, text: str, mark: str) -> str:
        """Put the user's own special-looking text back."""
        names = {index: name for name, index in self._special.items()}
        return re.sub(f"{mark}([0-9]+){mark}", lambda match: names[int(match[1])], text)

    def _render(self, chat: list[dict[str, Any]], go_on: bool) -> str:
        from jinja2 import TemplateError

        asks = chat[-1]["role"] != "assistant"
        try:
            rendered = self._tokenizer.apply_chat_template(
                chat, chat_template=self._template, tokenize=False, add_generation_prompt=asks
            )
        except (TemplateError, TypeError, KeyError) as error:
            reason = str(error).splitlines()[0]
            raise CheckpointError(f"The checkpoint's chat template fails ({reason}): mend it.") from None
        assert isinstance(rendered, str)
        if asks or not go_on:
            return rendered
        begun = "".join(part["text"] for part in chat[-1]["content"])
        before, found, _ = rendered.rpartition(begun)
        if not found:
            raise CheckpointError(
                "The checkpoint's chat template changes the beginning of an answer: mend it, or remove it "
                "(vleval then uses Qwen2.5-VL's own)."
            )
        return before + begun

    def _encode_piece(self, text: str, token: int | None) -> list[int]:
        if token is not None:
            return [token]
        return self._backend.encode(text, add_special_tokens=False).ids


def _load_tokenizer(folder: Path) -> PreTrainedTokenizerFast:
    # Given tokenizer_config.json alone, transformers silently builds a tokenizer with an empty vocabulary.
    if not (folder / "tokenizer.json").is_file():
        raise CheckpointError(f"{folder} has no tokenizer.json: copy it from the original checkpoint.")
    refuse_lfs_pointer(folder / "tokenizer.json")
    from transformers import AutoTokenizer

    try:
        loaded = AutoTokenizer.from_pretrained(folder, local_files_only=True, trust_remote_code=False)
    except Exception as error:  # the tokenizers library raises plain Exception
        reason = str(error).splitlines()[0] if str(error) else type(error).__name__
        raise CheckpointError(f"The tokenizer of {folder} cannot be loaded ({reason}).") from None
    # tokenizer.json is there, so it is the fast kind
    return cast("PreTrainedTokenizerFast", loaded)


def _template(folder: Path, tokenizer: PreTrainedTokenizerFast) -> str | None:
    """The template to render with; None when it is the tokenizer's own (which covers chat_template.jinja)."""
    processor_file = folder / "chat_template.json"
    if processor_file.is_file() and not (folder / "chat_template.jinja").is_file():
        template = read_json(processor_file).get("chat_template")
        if not isinstance(template, str):
            raise CheckpointError(f"{processor_file} holds no `chat_template` text: mend or remove it.")
        return template
    return CHATML_TEMPLATE if tokenizer.chat_template is None else None


def _eos_ids(folder: Path, config: ModelConfig, tokenizer: PreTrainedTokenizerFast) -> tuple[int, ...]:
    path = folder / "generation_config.json"
    stated = read_json(path).get("eos_token_id") if path.is_file() else config.eos_token_id
    found = [*(stated if isinstance(stated, list) else [stated]), tokenizer.eos_token_id]
    eos_ids = tuple(dict.fromkeys(index for index in found if isinstance(index, int)))
    if not eos_ids:
        raise CheckpointError(
            f"{folder} names no end-of-answer token: set eos_token_id in generation_config.json."
        )
    return eos_ids
