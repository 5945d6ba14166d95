"""The tool call that Qwen2.5-VL was trained to click with, as ScreenSpot-Pro's own evaluation asks for it.

The prompt is data of that evaluation (model `qwen2_5vl`), and an answer depends on its every character, down
to line breaks inside JSON strings that no JSON writer would leave there.
"""

from __future__ import annotations

import json
import re

from vleval.model.io import INPUT_SIZE

SOURCE = "ScreenSpot-Pro, models/qwen2_5vl.py (likaixin2000/ScreenSpot-Pro-GUI-Grounding)"

BEGUN = '<tool_call>\n{"name": "computer_use", "arguments": {"action": "left_click", "coordinate": ['
"""The answer begins with these words, and the model has but to go on."""

_ABOUT = (
    "Use a mouse and keyboard to interact with a computer, and take screenshots.",
    "This is an interface to a desktop GUI. You do not have access to a terminal or applications menu. You "
    "must click on desktop icons to start applications.",
    "Some applications may take time to start or process actions, so you may need to wait and take "
    "successive screenshots to see the results of your actions. E.g. if you click on Firefox and a window "
    "doesn't open, try wait and taking another screenshot.",
    f"The screen's resolution is {INPUT_SIZE}.",
    "Whenever you intend to move the cursor to click on an element like an icon, you should consult a "
    "screenshot to determine the coordinates of the element before moving the cursor.",
    "If you tried clicking on a program or link but it failed to load, even after waiting, try adjusting "
    "your cursor position so that the tip of the cursor visually falls on the element that you want to "
    "click.",
    "Make sure to click any buttons, links, icons, etc with the cursor tip in the center of the element. "
    "Don't click boxes on their edges unless asked.",
)

_ACTIONS = {
    "key": "Performs key down presses on the arguments passed in order, then performs key releases in "
    "reverse order.",
    "type": "Type a string of text on the keyboard.",
    "mouse_move": "Move the cursor to a specified (x, y) pixel coordinate on the screen.",
    "left_click": "Click the left mouse button.",
    "left_click_drag": "Click and drag the cursor to a specified (x, y) pixel coordinate on the screen.",
    "right_click": "Click the right mouse button.",
    "middle_click": "Click the middle mouse button.",
    "double_click": "Double-click the left mouse button.",
    "scroll": "Performs a scroll of the mouse scroll wheel.",
    "wait": "Wait specified seconds for the change to happen.",
    "terminate": "Terminate the current task and report its completion status.",
}

_ARGUMENTS = {
    "action": {
        "description": "\n* ".join(
            (
                "The action to perform. The available actions are:",
                *(f"`{name}`: {text}" for name, text in _ACTIONS.items()),
            )
        ),
        "enum": list(_ACTIONS),
        "type": "string",
    },
    "keys": {"description": "Required only by `action=key`.", "type": "array"},
    "text": {"description": "Required only by `action=type`.", "type": "string"},
    "coordinate": {
        "description": "(x, y): The x (pixels from the left edge) and y (pixels from the top edge) "
        "coordinates to move the mouse to. Required only by `action=mouse_move` and "
        "`action=left_click_drag`.",
        "type": "array",
    },
    "pixels": {
        "description": "The amount of scrolling to perform. Positive values scroll up, negative values "
        "scroll down. Required only by `action=scroll`.",
        "type": "number",
    },
    "time": {"description": "The seconds to wait. Required only by `action=wait`.", "type": "number"},
    "status": {
        "description": "The status of the task. Required only by `action=terminate`.",
        "type": "string",
        "enum": ["success", "failure"],
    },
}

_TOOL = {
    "type": "function",
    "function": {
        "name_for_human": "computer_use",
        "name": "computer_use",
        "description": "\n* ".join(_ABOUT),
        "parameters": {"properties": _ARGUMENTS, "required": ["action"], "type": "object"},
        "args_format": "Format the arguments as a JSON object.",
    },
}

SYSTEM = (
    "You are a helpful assistant.\n\n\n# Tools\n\n"
    "You may call one or more functions to assist with the user query.\n\n"
    "You are provided with function signatures within <tools></tools> XML tags:\n<tools>\n"
    + json.dumps(_TOOL).replace("\\n", "\n")
    + "\n</tools>\n\n"
    "For each function call, return a json object with function name and arguments within "
    "<tool_call></tool_call> XML tags:\n<tool_call>\n"
    '{"name": <function-name>, "arguments": <args-json-object>}\n</tool_call>'
)
"""The system message; `INPUT_SIZE` in it is the size of the screenshot as the model sees it."""

_GOES_ON = re.compile(r"\s*-?[0-9][0-9.,\s-]*\]")


def whole_call(text: str) -> str:
    """An answer with its beginning; one that does not go on from there (`[x, y]`, a whole call) as it is."""
    return BEGUN + text if _GOES_ON.match(text) else text
