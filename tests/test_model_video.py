"""Videos: pixels against the recorded processor; decoding of made and of awkward files."""

from __future__ import annotations

import io
import weakref
from collections.abc import Iterator, Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
import torch
from numpy.typing import NDArray

from helpers import fixtures_path
from visual_kit import formula_video, recorded, sha256, unpatchify
from vleval.model.errors import MediaError
from vleval.model.io import Media, VisionSettings
from vleval.model.preprocess import VisualInput
from vleval.model.preprocess_spec import PreprocessSpec
from vleval.model.sampling import Timing, frame_indices
from vleval.model.video import prepare_frames, prepare_video
from vleval.model.video_reader import decoded_timeline, packet_timeline, read_frames

SPEC = PreprocessSpec()
SMALL = PreprocessSpec(video_min_pixels=784, video_max_pixels=64 * 784)
UNLIMITED = 10**12


def encode(
    times: Sequence[Fraction],
    *,
    container: str = "mp4",
    codec: str = "libx264",
    size: tuple[int, int] = (64, 48),
    rate: int = 25,
    options: dict[str, str] | None = None,
    stamps: bool = True,
) -> bytes:
    """A video whose frame k, shown at times[k] seconds, is plain grey of level 4 * k (mod 256)."""
    buffer = io.BytesIO()
    with av.open(buffer, "w", format=container) as output:
        stream = output.add_stream(codec, rate=rate, options=options or {})
        stream.width, stream.height = size
        stream.pix_fmt = "yuv420p"
        stream.codec_context.time_base = Fraction(1, 1000) if stamps else Fraction(1, rate)
        for index, time in enumerate(times):
            level = 4 * index % 256
            frame = av.VideoFrame.from_ndarray(
                np.full((size[1], size[0], 3), level, np.uint8), format="rgb24"
            )
            frame.time_base = stream.codec_context.time_base
            frame.pts = round(time / frame.time_base) if stamps else index
            output.mux(stream.encode(frame))
        output.mux(stream.encode())
    return buffer.getvalue()


def even(count: int, rate: int) -> list[Fraction]:
    return [Fraction(index, rate) for index in range(count)]


def shown(video: VisualInput) -> list[int]:
    """Which frames of an `encode`d video were shown, read back from their grey."""
    frames = unpatchify(video.pixels, video.grid_thw)
    return [round(float(frame.mean()) / 4) for frame in frames]


def of_bytes(data: bytes) -> Media:
    return Media("video", data=data)


# Pixels


@pytest.mark.parametrize(
    "case", recorded("processor_golden/video_processor.json", "cases")[:7], ids=lambda c: c["id"]
)
def test_pixels_equal_the_recorded_processor(case: dict[str, Any]) -> None:
    clip = formula_video(case["formula"], case["frames"], *case["input_hw"])
    assert sha256(clip) == case["input_thwc_sha256"]
    budget = int(case["max_video_tokens"] * 784 * 0.9) if case["cap_pixels_per_frame"] else UNLIMITED
    spec = PreprocessSpec(
        video_min_pixels=case["min_pixels"], video_max_pixels=case["max_pixels"], total_pixels=budget
    )
    got = prepare_frames(clip, Timing.at_rate(case["frames"], 2.0), VisionSettings(), spec)
    assert_recorded(got, case)
    assert sha256(got.pixels.numpy()) == case["pixel_values_videos"]["float32_sha256"]


def assert_recorded(got: VisualInput, case: dict[str, Any]) -> None:
    truth = case["pixel_values_videos"]
    assert list(got.grid_thw) == case["video_grid_thw"]
    assert list(got.frame.input_size[::-1]) == case["resized_hw"]
    assert got.frame.visual_tokens == case["num_video_tokens"]
    assert list(got.pixels.shape) == truth["shape"]
    values = got.pixels.flatten()[truth["sample_flat_index"]]
    torch.testing.assert_close(values, torch.tensor(truth["sample_value"]), atol=1e-6, rtol=0)
    assert got.pixels.double().mean().item() == pytest.approx(truth["mean"], abs=1e-6)
    hashes = [v for k, v in {**case, **truth}.items() if k == "resized_uint8_thwc_sha256"]
    assert sha256(unpatchify(got.pixels, got.grid_thw)) == hashes[0]


def test_a_real_clip_from_file_to_pixels_equals_the_recorded_processor() -> None:
    cases = recorded("processor_golden/video_processor.json", "cases")
    if not cases:
        pytest.skip("no recorded processor outputs on this machine")
    case = cases[7]
    media = Media("video", path=fixtures_path(case["file"]))
    timeline = packet_timeline(media)
    assert timeline is not None
    frames = np.stack(list(read_frames(media, timeline, case["frame_indices"])))
    if sha256(frames) != case["selected_frames_rgb24_thwc_sha256"]:
        pytest.skip("this machine decodes the clip to other pixels than the recording one")
    spec = PreprocessSpec(
        video_min_pixels=case["min_pixels"], video_max_pixels=case["max_pixels"], total_pixels=UNLIMITED
    )
    got = prepare_video(media, VisionSettings(fps=1, sampling="left"), spec)
    assert_recorded(got, case)
    assert got.frame.timestamps == pytest.approx([index / 25 for index in case["frame_indices"]])
    assert got.frame.second_per_grid == pytest.approx(2.16666667)
    assert (got.frame.duration, got.frame.original_size) == (13.0, (320, 180))


def test_an_odd_count_repeats_the_last_frame() -> None:
    clip = formula_video("tri", 3, 56, 56)
    got = prepare_frames(clip, Timing.at_rate(3, 2.0), VisionSettings(), SMALL)
    frames = unpatchify(got.pixels, got.grid_thw)
    assert (frames[:3] == clip).all()
    assert (frames[3] == clip[2]).all()
    assert len(got.frame.timestamps) == 3


def test_the_pil_filter_resizes_each_frame_as_pillow_does() -> None:
    from PIL import Image

    clip = formula_video("tri", 2, 100, 120)
    got = prepare_frames(
        clip, Timing.at_rate(2, 2.0), VisionSettings(max_pixels=7000, resize_filter="pil"), SMALL
    )
    truth = [
        np.asarray(Image.fromarray(frame).resize(got.frame.input_size, Image.Resampling.BICUBIC))
        for frame in clip
    ]
    assert (unpatchify(got.pixels, got.grid_thw) == np.stack(truth)).all()


def test_native_frames_are_let_go_one_by_one() -> None:
    alive: list[weakref.ref[NDArray[np.uint8]]] = []
    most = 0

    def frames() -> Iterator[NDArray[np.uint8]]:
        nonlocal most
        for _ in range(12):
            frame = np.zeros((400, 400, 3), np.uint8)
            alive.append(weakref.ref(frame))
            yield frame
            del frame
            most = max(most, sum(reference() is not None for reference in alive))

    prepare_frames(frames(), Timing.at_rate(12, 2.0), VisionSettings(max_pixels=784), SMALL)
    assert most <= 3


# Decoding made files


@pytest.mark.parametrize("rule", ["linspace", "left"])
@pytest.mark.parametrize("container", ["mp4", "matroska", "avi"])
def test_a_constant_rate_gives_the_frames_of_the_index_rule(container: str, rule: Any) -> None:
    codec = "ffv1" if container == "avi" else "libx264"
    data = encode(even(50, 25), container=container, codec=codec, stamps=container != "avi")
    got = prepare_video(of_bytes(data), VisionSettings(fps=4, sampling=rule), SMALL)
    truth = frame_indices(50, 8, rule)
    assert shown(got) == truth
    assert got.frame.timestamps == pytest.approx([index / 25 for index in truth], abs=1e-3)
    assert got.frame.second_per_grid == pytest.approx(0.5)
    assert got.frame.duration == pytest.approx(2.0)
    assert got.frame.time_source == "qwen"


def test_a_variable_rate_shows_frames_at_even_times() -> None:
    times = [index / 50 for index in range(30)] + [0.6 + index / 5 for index in range(30)]
    data = encode([Fraction(time).limit_denominator(100) for time in times])
    got = prepare_video(of_bytes(data), VisionSettings(fps=2), SMALL)
    even_times = np.linspace(0, times[-1], 12)
    nearest = [int(np.abs(np.array(times) - time).argmin()) for time in even_times]
    assert shown(got) == nearest
    assert got.frame.timestamps == pytest.approx([times[k] for k in nearest], abs=2e-3)
    by_index = np.array(times)[frame_indices(60, 12, "linspace")]
    assert np.abs(even_times - by_index).max() > 1, "frame numbers alone would be off by more than a second"


def test_timing_by_timestamps_and_by_nominal_rate() -> None:
    data = of_bytes(encode(even(50, 25)))
    nominal = prepare_video(data, VisionSettings(fps=2), SMALL).frame
    stamped = prepare_video(data, VisionSettings(fps=2, video_timing="pts"), SMALL).frame
    assert nominal.second_per_grid == pytest.approx(1.0)
    assert stamped.second_per_grid == pytest.approx(2 * 1.96 / 3)
    assert (nominal.time_source, stamped.time_source) == ("qwen", "pts")
    assert "timing_differs" in nominal.clamps


def test_times_start_at_the_first_frame() -> None:
    late = [time + 3 for time in even(20, 10)]
    frame = prepare_video(
        of_bytes(encode(late, container="matroska", rate=10)), VisionSettings(), SMALL
    ).frame
    assert frame.timestamps[0] == 0.0
    assert frame.timestamps[-1] == pytest.approx(1.9, abs=2e-3)


def test_frames_cut_off_by_an_edit_list_are_not_counted() -> None:
    media = of_bytes(encode([time - Fraction(4, 10) for time in even(24, 10)], rate=10))
    timeline = packet_timeline(media)
    assert timeline is not None
    assert len(timeline.times) == 20
    got = prepare_video(media, VisionSettings(), SMALL)
    assert shown(got) == [4 + index for index in frame_indices(20, 4, "linspace")]
    assert got.frame.duration == pytest.approx(2.0)


def test_a_raw_stream_has_assumed_times() -> None:
    got = prepare_video(
        of_bytes(encode(even(20, 25), container="h264", stamps=False)), VisionSettings(), SMALL
    )
    assert "timestamps_assumed" in got.frame.clamps
    assert shown(got) == frame_indices(20, 4, "linspace")


def test_vp8_with_hidden_frames_is_timed_by_decoding() -> None:
    data = encode(
        even(40, 20),
        container="webm",
        codec="libvpx",
        options={"auto-alt-ref": "1", "lag-in-frames": "16", "b": "2000000"},
    )
    assert packet_timeline(of_bytes(data)) is None
    assert shown(prepare_video(of_bytes(data), VisionSettings(), SMALL)) == frame_indices(40, 4, "linspace")


def test_promised_frames_that_never_come_lead_to_the_decoders_own_times(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    media = of_bytes(encode(even(20, 10), rate=10))
    true = packet_timeline(media)
    assert true is not None
    promised = true._replace(times=(*true.times, 2.0, 2.1), keys=(*true.keys, 10**9, 10**9 + 1))
    monkeypatch.setattr("vleval.model.video.packet_timeline", lambda _: promised)
    got = prepare_video(media, VisionSettings(), SMALL)
    assert shown(got) == frame_indices(20, 4, "linspace")


def test_packet_times_equal_decoded_times_with_b_frames() -> None:
    media = of_bytes(encode(even(60, 25)))
    packets = packet_timeline(media)
    assert packets is not None and packets._replace(points=()) == decoded_timeline(media)


# Awkward and broken files


@pytest.mark.parametrize(
    "case", [c for c in recorded("videos/probe_pyav18.json") if not c["err"]], ids=lambda c: c["file"]
)
def test_fixture_videos_give_the_recorded_times_and_sizes(case: dict[str, Any]) -> None:
    media = Media("video", path=fixtures_path(f"videos/{case['file']}"))
    timeline = packet_timeline(media)
    assert timeline is not None
    assert len(timeline.times) == case["decoded"]
    assert timeline.times[-1] == pytest.approx(case["last_pts"] - case["first_pts"])
    assert timeline.rate == pytest.approx(float(Fraction(case["avg_rate"])))
    size = case["size"][::-1] if abs(case["rotation"]) == 90 else case["size"]
    frame = prepare_video(media, VisionSettings(max_pixels=7840), PreprocessSpec(video_min_pixels=784)).frame
    assert list(frame.original_size) == size
    assert list(frame.timestamps) == sorted(frame.timestamps)


@pytest.mark.parametrize(("name", "turns"), [("0", 0), ("90", -1), ("180", 2), ("270", 1)])
def test_rotation_of_the_container_is_applied(name: str, turns: int) -> None:
    path = fixtures_path(f"videos/decord_video_{name}.mov")
    media = Media("video", path=path)
    timeline = packet_timeline(media)
    assert timeline is not None
    with av.open(str(path)) as container:
        stored = next(container.decode(video=0)).to_ndarray(format="rgb24")
    upright = next(read_frames(media, timeline, [0]))
    assert (upright == np.rot90(stored, turns)).all()


def test_a_corrupted_stream_says_how_many_frames_can_be_read() -> None:
    media = Media("video", path=fixtures_path("videos/decord_corrupted.mp4"))
    with pytest.raises(MediaError, match="only 28 of 50 frames"):
        prepare_video(media, VisionSettings(), SPEC)


def test_a_corrupted_tail_behind_the_last_chosen_frame_does_no_harm() -> None:
    media = Media("video", path=fixtures_path("videos/decord_corrupted.mp4"))
    vision = VisionSettings(sampling="left", max_frames=2, max_pixels=7840)
    frame = prepare_video(media, vision, PreprocessSpec(video_min_pixels=784)).frame
    assert frame.timestamps == pytest.approx((0.0, 2.5))
    assert frame.duration == pytest.approx(5.0)


@pytest.fixture
def noisy_file(tmp_path: Path) -> bytes:
    """60 frames with their index in front of the data, large enough for a cut to fall between frames."""
    path = tmp_path / "noisy.mp4"
    noise = np.random.default_rng(0).integers(0, 256, (60, 48, 64, 3), dtype=np.uint8)
    with av.open(str(path), "w", options={"movflags": "faststart"}) as output:
        stream = output.add_stream("libx264", rate=30)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        for pixels in noise:
            output.mux(stream.encode(av.VideoFrame.from_ndarray(pixels, format="rgb24")))
        output.mux(stream.encode())
    return path.read_bytes()


def test_a_cut_file_with_its_index_in_front(noisy_file: bytes) -> None:
    cut = of_bytes(noisy_file[: int(0.7 * len(noisy_file))])
    with pytest.raises(MediaError, match=r"only [34]\d of 60 frames"):
        prepare_video(cut, VisionSettings(), SMALL)
    two = VisionSettings(sampling="left", max_frames=2)
    kept, whole = prepare_video(cut, two, SMALL), prepare_video(of_bytes(noisy_file), two, SMALL)
    assert (kept.pixels == whole.pixels).all()
    assert kept.frame == whole.frame


def test_a_cut_matroska_file_is_refused_by_its_stated_length() -> None:
    whole = fixtures_path("videos/decord_flipping_a_pancake.mkv").read_bytes()
    with pytest.raises(MediaError, match=r"only 214 frames can be read, 7\.1 of 10\.3 seconds"):
        prepare_video(of_bytes(whole[: int(0.7 * len(whole))]), VisionSettings(), SMALL)


def test_a_last_frame_that_stays_on_screen_is_no_damage() -> None:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as output:
        stream = output.add_stream("mpeg4", rate=10)
        stream.width, stream.height, stream.pix_fmt = 64, 48, "yuv420p"
        frames = [av.VideoFrame.from_ndarray(np.zeros((48, 64, 3), np.uint8), format="rgb24")] * 8
        packets = [packet for frame in frames for packet in stream.encode(frame)] + stream.encode()
        packets[-1].duration = 500
        output.mux(packets)
    frame = prepare_video(of_bytes(buffer.getvalue()), VisionSettings(), SMALL).frame
    assert len(frame.timestamps) == 4


def audio_only() -> bytes:
    buffer = io.BytesIO()
    with av.open(buffer, "w", format="mp4") as output:
        stream = output.add_stream("aac", rate=8000)
        for _ in range(4):
            frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), format="fltp", layout="mono")
            frame.sample_rate = 8000
            output.mux(stream.encode(frame))
        output.mux(stream.encode())
    return buffer.getvalue()


@pytest.mark.parametrize(
    ("data", "sentence"),
    [
        (b"", "no video that can be read"),
        (b"<html>not found</html>", "no video that can be read"),
        (b"#EXTM3U\n#EXTINF:1,\nfile:///etc/passwd\n#EXT-X-ENDLIST\n", "no video that can be read"),
        (b"ffconcat version 1.0\nfile /etc/passwd\n", "no video that can be read"),
        (encode(even(1, 25)), "has 1 frame"),
        (audio_only(), "holds no video stream"),
    ],
    ids=["empty", "text", "playlist", "concat", "one frame", "audio"],
)
def test_what_is_no_video_gets_one_sentence(data: bytes, sentence: str) -> None:
    with pytest.raises(MediaError, match=sentence) as caught:
        prepare_video(of_bytes(data), VisionSettings(), SMALL)
    assert "\n" not in str(caught.value)


def test_a_list_that_names_another_file_is_not_followed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("other.mp4").write_bytes(encode(even(20, 10)))
    with pytest.raises(MediaError, match="no video that can be read"):
        prepare_video(of_bytes(b"ffconcat version 1.0\nfile other.mp4\n"), VisionSettings(), SMALL)


def test_an_empty_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "empty.mp4").write_bytes(b"")
    with pytest.raises(MediaError, match=r"empty\.mp4 is no video that can be read"):
        prepare_video(Media("video", path=tmp_path / "empty.mp4"), VisionSettings(), SMALL)


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(MediaError, match=r"absent\.mp4 cannot be read"):
        prepare_video(Media("video", path=tmp_path / "absent.mp4"), VisionSettings(), SMALL)
