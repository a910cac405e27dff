"""The configuration: where it is found, what wins, and that a misspelt key is never silently ignored."""

from __future__ import annotations

from pathlib import Path

import pytest
import yaml

from connectors.registry import BUILT_IN
from connectors.registry import load as load_connector
from dedupe_app.config import Config, ConfigError, SourceConfig, build, find_file, keys, load, values_of
from dedupe_app.example import example, short
from dedupe_app.sources import free_name, known_sources, resolve, with_paths
from dedupe_core.settings import Settings

ROOT = Path(__file__).parents[2]


@pytest.fixture(autouse=True)
def own_folders(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """No test reads or writes what belongs to the person who runs it."""
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "xdg-config"))
    monkeypatch.setenv("XDG_DATA_HOME", str(tmp_path / "xdg-data"))
    monkeypatch.setenv("HOME", str(tmp_path / "home"))


def write(folder: Path, text: str) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    file = folder / "config.yaml"
    file.write_text(text, "utf-8")
    return file


def test_without_any_file_the_defaults_count(tmp_path: Path) -> None:
    loaded = load(environ={}, cwd=tmp_path)
    assert loaded.file is None
    assert loaded.config.settings == Settings()
    assert loaded.origin("near.copy_distance") == "default"


def test_the_file_is_looked_for_in_the_documented_order(tmp_path: Path) -> None:
    named = write(tmp_path / "named", "near: {copy_distance: 1}")
    from_env = write(tmp_path / "env", "near: {copy_distance: 2}")
    above = write(tmp_path / "work", "near: {copy_distance: 3}")
    users = write(tmp_path / "xdg-config" / "keepone", "near: {copy_distance: 4}")
    below = tmp_path / "work" / "a" / "b"
    below.mkdir(parents=True)
    environ = {"KEEPONE_CONFIG": str(from_env)}
    assert find_file(named, environ, below) == named
    assert find_file(None, environ, below) == from_env
    assert find_file(None, {}, below) == above
    assert find_file(None, {}, tmp_path) == users


def test_a_file_that_was_named_and_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="There is no configuration file"):
        find_file(tmp_path / "none.yaml", {}, tmp_path)


def test_file_then_environment_then_command_line_win(tmp_path: Path) -> None:
    write(tmp_path, "near: {copy_distance: 50, candidate_distance: 80}\ndata: from-file")
    environ = {"KEEPONE__NEAR__COPY_DISTANCE": "40", "KEEPONE__DATA": str(tmp_path / "from-env")}
    loaded = load(environ=environ, cwd=tmp_path)
    assert loaded.config.settings.near.copy_distance == 40
    assert loaded.config.settings.near.candidate_distance == 80
    assert loaded.config.data == tmp_path / "from-env"
    assert loaded.origin("near.copy_distance") == "env KEEPONE__NEAR__COPY_DISTANCE"
    assert loaded.origin("near.candidate_distance") == f"file {tmp_path / 'config.yaml'}"
    assert load(data=tmp_path / "given", environ=environ, cwd=tmp_path).config.data == tmp_path / "given"


def test_every_key_can_be_set_by_the_environment(tmp_path: Path) -> None:
    other = {
        "keeping.name_pattern": "x+",
        "planning.folder": "2024",
        "grouping.method": "average",
        "planning.action": "move",
        "keeping.keep_edited": "false",
        "near.copy_distance": "7",
    }
    for key, default, _ in keys():
        value = other.get(key, yaml.safe_dump(list(default) if isinstance(default, tuple) else default).strip())
        value = value.removesuffix("...").strip()
        name = "KEEPONE__" + key.upper().replace(".", "__")
        loaded = load(environ={name: value}, cwd=tmp_path)
        assert loaded.origin(key) == f"env {name}"
        if key in other:
            assert str(dict(values_of(loaded.config))[key]).lower() == value


@pytest.mark.parametrize(
    ("text", "wrong", "nearest"),
    [
        ("near: {copy_distnce: 60}", "near.copy_distnce", "near.copy_distance"),
        ("planing: {action: move}", "planing", "planning"),
        ("colour_of_bikes: 1", "colour_of_bikes", "known are"),
        ("keeping: {max_items: 3}", "keeping.max_items", "planning.max_items"),
        ("copy_distance: 60", "copy_distance", "near.copy_distance"),
    ],
)
def test_an_unknown_key_is_an_error_that_names_the_file_and_the_nearest_key(
    tmp_path: Path, text: str, wrong: str, nearest: str
) -> None:
    file = write(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        load(environ={}, cwd=tmp_path)
    assert str(file) in str(caught.value)
    assert wrong in str(caught.value)
    assert nearest in str(caught.value)


def test_an_unknown_variable_is_an_error_that_names_the_nearest_key(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"KEEPONE__NEAR__COPY.*near\.copy_distance"):
        load(environ={"KEEPONE__NEAR__COPY_DISTNCE": "3"}, cwd=tmp_path)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("near: {copy_distance: 400}", "near.copy_distance: input should be less than or equal to 90 (it is 400)"),
        ("near: 60", "near is a section"),
        ("sources: {name: x}", "sources has to be a list"),
        ("sources: [pictures]", "a source is a block of keys"),
        ("- near", "has to be a list of `key: value` lines"),
        ("near: [1", "is not valid YAML (line 1"),
        ("data: 5", "data has to be a path"),
        ("sources:\n- {path: a}\n- {path: b/a}", "two sources are called 'a'"),
        ("sources: [{kind: lokal, path: a}]", "the nearest is 'local'"),
        ("sources: [{path: a, pat: b}]", "unknown key 'pat'"),
        ("sources: [{name: a}]", "path: field required"),
        ("sources: [{name: a/b, path: x}]", "name:"),
    ],
)
def test_a_wrong_value_is_one_sentence(tmp_path: Path, text: str, said: str) -> None:
    write(tmp_path, text)
    with pytest.raises(ConfigError) as caught:
        load(environ={}, cwd=tmp_path)
    assert said in str(caught.value)
    assert "\n" not in str(caught.value)


def test_bytes_that_are_not_text_are_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "config.yaml").write_bytes(b"data: \xff\xfe")
    with pytest.raises(ConfigError, match="not UTF-8"):
        load(environ={}, cwd=tmp_path)


def test_no_code_in_a_file_is_run(tmp_path: Path) -> None:
    write(tmp_path, "data: !!python/object/apply:os.system ['true']")
    with pytest.raises(ConfigError, match="not valid YAML"):
        load(environ={}, cwd=tmp_path)


def test_a_relative_path_starts_at_the_file(tmp_path: Path) -> None:
    write(tmp_path / "conf", "sources: [{path: ../photos}, {name: home, path: ~/pics}]\ndata: d")
    loaded = load(environ={}, cwd=tmp_path / "conf")
    assert [source.options["path"] for source in loaded.config.sources] == [
        str(tmp_path / "photos"),
        str(tmp_path / "home" / "pics"),
    ]
    assert loaded.config.data == tmp_path / "conf" / "d"


def test_the_example_in_the_repository_is_what_the_code_says() -> None:
    written = (ROOT / "config.yaml").read_text("utf-8")
    assert written == example(), "run: python -m dedupe_app.example > config.yaml"


def test_the_example_sets_every_key_to_its_default() -> None:
    raw = yaml.safe_load(example())
    assert build(raw, "the example").settings == Settings()
    flat = {
        f"{a}.{b}" if isinstance(v, dict) else a for a, v in raw.items() for b in (v if isinstance(v, dict) else [0])
    }
    assert flat == {key for key, _, _ in keys()}
    assert all(description for _, _, description in keys())


def test_the_example_shows_every_key_of_every_kind_of_source() -> None:
    shown = example().split("# sources:")[1].split("\n\n")[0]
    for kind in set(BUILT_IN) - {"memory"}:
        block = shown.split(f"#     kind: {kind}\n")[1].split("#   - name:")[0]
        for key in load_connector(kind).Options.model_fields:
            assert f"#     {key}: " in block, (kind, key)


def test_what_init_writes_is_read_back(tmp_path: Path) -> None:
    source = SourceConfig(name="p", options={"path": str(tmp_path), "exclude": ["*.tmp"]})
    text = short([source], {"planning": {"action": "move"}}, str(tmp_path / "data"))
    config = build(yaml.safe_load(text), "init")
    assert config.sources == (source,)
    assert config.settings.planning.action == "move"
    assert config.data == tmp_path / "data"


def test_a_folder_on_the_command_line_becomes_a_source_with_its_own_name(tmp_path: Path) -> None:
    (tmp_path / "a" / "photos").mkdir(parents=True)
    (tmp_path / "b" / "photos").mkdir(parents=True)
    config = Config(data=tmp_path / "data")
    settled, names = with_paths(config, [str(tmp_path / "a" / "photos"), str(tmp_path / "b" / "photos")])
    assert names == ("photos", "photos-2")
    again, same = with_paths(settled, [str(tmp_path / "b" / "photos"), "photos"])
    assert same == ("photos-2", "photos")
    assert again.sources == settled.sources


def test_what_is_neither_folder_nor_source_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(ConfigError, match="neither a folder nor a source"):
        resolve(Config(data=tmp_path / "data"), [str(tmp_path / "nothing")])
    with pytest.raises(ConfigError, match="is a file"):
        resolve(Config(data=tmp_path / "data"), [str(tmp_path / "file")])


def test_a_data_folder_that_does_not_exist_remembers_nothing_and_is_not_made(tmp_path: Path) -> None:
    assert known_sources(Config(data=tmp_path / "data")) == ()
    assert not (tmp_path / "data").exists()


def test_a_name_is_made_legal_and_free() -> None:
    assert free_name(Path("/x/two\nlines"), ()) == "two_lines"
    assert free_name(Path("/"), ()) == "disk"
    assert free_name(Path("/x/a"), [SourceConfig(name="a")]) == "a-2"
