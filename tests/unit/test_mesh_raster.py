import numpy as np

from openfloat.data.mesh_raster import Window, rasterise

SIZE = 24


def soup(seed: int = 0) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Twelve unconnected triangles at different depths, some beyond the picture."""
    generator = np.random.default_rng(seed)
    points = generator.uniform(-0.2, 1.2, size=(36, 2)).astype(np.float32)
    depth = np.repeat(generator.permutation(12), 3).astype(np.float32)
    return points, depth, np.arange(36).reshape(12, 3)


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
    seen = rasterise(points, depth, triangles, SIZE).triangle
    expected = by_brute_force(points, depth, triangles)
    assert len(np.unique(expected)) > 8
    np.testing.assert_array_equal(seen, expected)


def test_barycentric_weights_give_the_pixel_back() -> None:
    points, depth, triangles = soup(1)
    raster = rasterise(points, depth, triangles, SIZE)
    places = raster.interpolate(points, triangles)
    hit = raster.triangle >= 0
    centres = Window(0, 0, SIZE, SIZE).centres(SIZE)
    np.testing.assert_allclose(places[hit], centres[hit], atol=1e-5)


def test_a_window_is_a_part_of_the_whole() -> None:
    points, depth, triangles = soup(2)
    whole = rasterise(points, depth, triangles, SIZE)
    part = rasterise(points, depth, triangles, SIZE, Window(5, 3, 17, 20))
    np.testing.assert_array_equal(part.triangle, whole.triangle[3:20, 5:17])
    hit = part.triangle >= 0
    np.testing.assert_allclose(part.barycentric[hit], whole.barycentric[3:20, 5:17][hit], atol=1e-5)


def test_triangles_that_share_an_edge_leave_no_gap() -> None:
    points = np.array([[0, 0], [1, 0], [0, 1], [1, 1]], dtype=np.float32)
    triangles = np.array([[0, 1, 2], [1, 3, 2]])
    assert (rasterise(points, np.zeros(4, np.float32), triangles, SIZE).triangle >= 0).all()


def test_a_flat_triangle_covers_nothing() -> None:
    points = np.array([[0, 0], [0.5, 0.5], [1, 1]], dtype=np.float32)
    raster = rasterise(points, np.zeros(3, np.float32), np.array([[0, 1, 2]]), SIZE)
    assert (raster.triangle == -1).all()
