from __future__ import annotations

from typing import Any

import gymnasium as gym
import numpy as np
import pytest

from rlmodule_catalogs import Catalog, PPOCatalog
from rlmodule_core import RLModuleConfig, SpecCheckingError, get_backend
from rlmodule_core.numpy_backend import NumpyActorCriticRLModule
from rlmodule_core.plans import Conv2D, Dense, MultiOneHot, walk_records
from rlmodule_core.testing.batches import observations

NUMPY = get_backend("numpy")
ACTIONS = gym.spaces.Discrete(2)
CAMERA = gym.spaces.Box(0, 255, (6, 6, 3), np.uint8)
SPACE = gym.spaces.Dict(
    {
        "camera.left": CAMERA,
        "body": gym.spaces.Tuple((gym.spaces.Box(-np.inf, np.inf, (3,)), gym.spaces.Discrete(4, start=-2))),
        "flags": gym.spaces.MultiBinary((2, 2)),
    }
)


def _module(space: gym.Space[Any] = SPACE, **model: Any) -> NumpyActorCriticRLModule:
    model = {"fcnet_hiddens": [40, 8], **model}
    return NumpyActorCriticRLModule(RLModuleConfig(space, ACTIONS, model, PPOCatalog))


def _batch(space: gym.Space[Any] = SPACE) -> dict[str, Any]:
    return {"obs": NUMPY.batch(space, observations(space))}


def test_each_image_goes_through_convolutions_of_its_own():
    space = gym.spaces.Dict(left=CAMERA, right=CAMERA, far=gym.spaces.Tuple((CAMERA,)))
    config = Catalog(space, ACTIONS, {}).get_encoder_config()
    names = {name.rsplit(".", 1)[0] for name, record in walk_records(config.plan()) if isinstance(record, Conv2D)}
    assert names == {"inputs.left", "inputs.right", "inputs.far.0"}


def test_weights_are_named_by_the_keys_of_the_observation():
    names = list(_module().get_state())
    assert [name for name in names if name.startswith("encoder.shared.inputs.camera%2Eleft.")]
    assert "encoder.shared.inputs.body.0.0.weight" in names
    assert "encoder.shared.inputs.body.1.1.weight" in names
    assert "encoder.shared.fusion.1.weight" in names


def test_vectors_are_embedded_no_wider_than_images():
    config = Catalog(SPACE, ACTIONS, {"fcnet_hiddens": [40, 8]}).get_encoder_config()
    widths = {name: record.outputs for name, record in walk_records(config.plan()) if isinstance(record, Dense)}
    # Three numbers, four classes and four flags: 16 units at least; four units for each number, up to 40.
    assert list(widths.values()) == [16, 16, 40, 16, 40, 8]
    wide = gym.spaces.Tuple((gym.spaces.Box(-1, 1, (9,)), gym.spaces.Box(-1, 1, (20,))))
    config = Catalog(wide, ACTIONS, {"fcnet_hiddens": [40, 8]}).get_encoder_config()
    assert [r.outputs for _, r in walk_records(config.plan()) if isinstance(r, Dense)] == [36, 40, 40, 8]


def test_every_part_of_the_observation_matters():
    module, batch = _module(), _batch()
    before = module.forward_train(batch)["vf_preds"]
    for key, part in batch["obs"].items():
        parts = part.items() if isinstance(part, dict) else [("", part)]
        for inner, array in parts:
            other = array[::-1]
            changed = {**batch["obs"], key: {**part, inner: other} if inner else other}
            assert not np.allclose(module.forward_train({"obs": changed})["vf_preds"], before), (key, inner)


@pytest.mark.parametrize("model", [{"fcnet_hiddens": [], "encoder_latent_dim": 5}, {"encoder_latent_dim": 5}])
def test_the_latents_have_the_width_that_is_asked_for(model: dict[str, Any]):
    assert Catalog(SPACE, ACTIONS, model).latent_dims == (5,)


def test_a_missing_part_and_one_of_another_shape_are_named_by_their_keys():
    module, batch = _module(), _batch()
    body = batch["obs"]["body"]
    with pytest.raises(SpecCheckingError, match=r"'body'.*'1'"):
        module.forward_inference({"obs": {**batch["obs"], "body": {"0": body["0"]}}})
    with pytest.raises(SpecCheckingError, match=r"(?s)'body'.*'0'.*\(6, 2\)"):
        module.forward_inference({"obs": {**batch["obs"], "body": {**body, "0": body["0"][:, :2]}}})
    pixels = batch["obs"]["camera.left"].astype(np.float32)
    with pytest.raises(SpecCheckingError, match=r"(?s)'camera\.left'.*uint8.*float32"):
        module.forward_inference({"obs": {**batch["obs"], "camera.left": pixels}})


def test_keys_that_no_network_reads_are_left_alone():
    module, batch = _module(), _batch()
    expected = module.forward_inference(batch)["action_dist_inputs"]
    more = {"obs": {**batch["obs"], "action_mask": np.ones((6, 2))}}
    np.testing.assert_array_equal(module.forward_inference(more)["action_dist_inputs"], expected)


def test_counts_of_any_rank_are_one_hot_entry_by_entry():
    space = gym.spaces.MultiDiscrete([[2, 3], [4, 2]], start=[[0, -1], [5, 0]])
    catalog = Catalog(space, ACTIONS, {"fcnet_hiddens": [8]})
    records = catalog.get_encoder_config().plan().net.records
    assert records[1] == MultiOneHot((2, 3, 4, 2), (0, -1, 5, 0))
    encoder = catalog.build_encoder("numpy")
    kernel = next(iter(NUMPY.get_weights(encoder).values()))
    latents = encoder({"obs": np.array([[[1, 1], [5, 0]]])})["encoder_out"]
    # Entry by entry the column of its value: 0 + 1, 2 + 2, 5 + 0, 9 + 0.
    np.testing.assert_allclose(latents, np.tanh(kernel[:, [1, 4, 5, 9]].sum(axis=1))[None], atol=1e-6)


def test_flags_of_any_rank_enter_as_numbers():
    space = gym.spaces.MultiBinary((2, 3))
    encoder = Catalog(space, ACTIONS, {"fcnet_hiddens": [8]}).build_encoder("numpy")
    kernel = next(iter(NUMPY.get_weights(encoder).values()))
    flags = NUMPY.batch(space, np.array([[[1, 0, 0], [0, 1, 1]]], np.int8))
    np.testing.assert_allclose(
        encoder({"obs": flags})["encoder_out"], np.tanh(kernel[:, [0, 4, 5]].sum(axis=1))[None], atol=1e-6
    )
