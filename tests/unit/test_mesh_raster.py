import numpy as np
import torch

from openfloat.data.mesh_raster import Windows, rasterise

SIZE = 24
WHOLE = Windows.whole(1, SIZE, torch.device("cpu"))


def soup(seed: int = 0) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Twelve unconnected triangles at different depths, some beyond the picture."""
    generator = np.random.default_rng(seed)
    points = generator.uniform(-0.2, 1.2, size=(1, 36, 2)).astype(np.float32)
    depth = np.repeat(generator.permutation(12), 3).astype(np.float32)[None]
    return torch.from_numpy(points), torch.from_numpy(depth), torch.arange(36).view(12, 3)


def by_brute_force(points: np.ndarray, depth: np.ndarray, triangles: np.ndarray) -> np.ndarray:
    """Nearest triangle of each pixel by solving for barycentric weights one by one."""
    seen = np.full((SIZE, SIZE), -1)
    for row in range(SIZE):
        for column in range(SIZE):
            here = np.array([(column + 0.5) / SIZE, (row + 0.5) / SIZE, 1])
            best = np.inf
            for number, corners in enumerate(triangles):
                system = np.vstack([points[corners].T.astype(float), np.ones(3)])
                if np.linalg.solve(system, here).min() >= 0 and depth[corners[0]] < best:
                    best, seen[row, column] = depth[corners[0]], number
    return seen


def test_each_pixel_sees_the_nearest_triangle() -> None:
    points, depth, triangles = soup()
    seen = rasterise(points, depth, triangles, SIZE).triangle[0].numpy()
    expected = by_brute_force(points[0].numpy(), depth[0].numpy(), triangles.numpy())
    assert len(np.unique(expected)) > 8
    np.testing.assert_array_equal(seen, expected)


def test_barycentric_weights_give_the_pixel_back() -> None:
    points, depth, triangles = soup(1)
    raster = rasterise(points, depth, triangles, SIZE)
    places = raster.interpolate(points[0], triangles)
    hit = raster.triangle >= 0
    torch.testing.assert_close(places[hit], WHOLE.centres(SIZE)[hit], rtol=0, atol=1e-5)


def test_a_mesh_in_a_batch_is_drawn_as_if_it_were_alone_and_a_window_is_a_part() -> None:
    points, depth, triangles = (torch.cat(both) for both in zip(soup(2), soup(3), strict=True))
    triangles = triangles[:12]
    windows = Windows(torch.tensor([5, 9]), torch.tensor([3, 0]), 17, 12)
    both = rasterise(points, depth, triangles, SIZE, windows)
    for number, (left, top) in enumerate([(5, 3), (9, 0)]):
        whole = rasterise(points[number, None], depth[number, None], triangles, SIZE)
        part = (0, slice(top, top + 17), slice(left, left + 12))
        assert (both.triangle[number] == whole.triangle[part]).all()
        hit = both.triangle[number] >= 0
        assert 0.2 < hit.float().mean() < 1
        torch.testing.assert_close(
            both.barycentric[number][hit], whole.barycentric[part][hit], rtol=0, atol=1e-5
        )


def test_triangles_that_share_an_edge_leave_no_gap() -> None:
    points = torch.tensor([[[0, 0], [1, 0], [0, 1], [1, 1]]], dtype=torch.float32)
    triangles = torch.tensor([[0, 1, 2], [1, 3, 2]])
    assert (rasterise(points, torch.zeros(1, 4), triangles, SIZE).triangle >= 0).all()


def test_a_flat_triangle_covers_nothing() -> None:
    points = torch.tensor([[[0, 0], [0.5, 0.5], [1, 1]]])
    raster = rasterise(points, torch.zeros(1, 3), torch.tensor([[0, 1, 2]]), SIZE)
    assert (raster.triangle == -1).all()
