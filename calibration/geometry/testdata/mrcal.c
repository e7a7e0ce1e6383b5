// Fits mrcal's lens model to the observations of a flat plate, and says where it
// sees other points of the plate.
//
// Reads: width height columns rows pitch focal ratio poses (ratio: of the focal lengths,
// y to x, a first guess); for each pose its turn
// (radians) and the plate's middle (pixels from the frame's), a first guess, then
// columns×rows points by rows: x y seen (1, or 0 where the point was not found);
// then a number of points and each one's place on the plate, in units of pitch.
// Writes: rms of the residuals; the eight parameters of LENSMODEL_OPENCV4; the points
// as the first pose shows them. Pixels throughout.
//
// mrcal's camera is a pinhole. A plate that lies square to the axis looks the same
// from any distance through a lens of as much longer focal length, so focal is a
// choice: short enough that a tilt of the plate would show in the perspective.
#include <math.h>
#include <mrcal/mrcal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static double number(void) {
  double v;
  if (scanf("%lf", &v) != 1) {
    fprintf(stderr, "mrcal.c: the input ends too early\n");
    exit(2);
  }
  return v;
}

static void *array(size_t n, size_t size) {
  void *p = calloc(n, size);
  if (!p) exit(2);
  return p;
}

static const mrcal_lensmodel_t model = {.type = MRCAL_LENSMODEL_OPENCV4};

typedef struct {
  int *size, columns, rows, poses;
  double unit;
  mrcal_observation_board_t *boards;
  mrcal_point3_t *seen;
  mrcal_pose_t *guess, *laid;
  double lens[8];
} fit;

// Fits distortion and poses, and gives the rms of the residuals of each axis.
static double solve(fit *f, double fx, double fy) {
  double lens[8] = {fx, fy, f->size[0] / 2., f->size[1] / 2.};
  memcpy(f->lens, lens, sizeof lens);
  memcpy(f->laid, f->guess, f->poses * sizeof *f->laid);
  mrcal_problem_selections_t what = {.do_optimize_intrinsics_distortions = true, .do_optimize_frames = true};
  mrcal_problem_constants_t constants = {.point_min_range = 1e-3, .point_max_range = 1e3};
  mrcal_stats_t stats = mrcal_optimize(NULL, 0, NULL, 0, f->lens, NULL, f->laid, NULL, NULL, 1, 0, f->poses, 0, 0, f->boards, NULL, f->poses, 0, f->seen,
                                       &model, f->size, what, &constants, f->unit, f->columns, f->rows, false, false);
  if (stats.rms_reproj_error__pixels < 0) {
    fprintf(stderr, "mrcal.c: mrcal_optimize failed\n");
    exit(1);
  }
  return stats.rms_reproj_error__pixels;
}

// Fits the ratio of the focal lengths too. All four of mrcal's core cannot be fitted to
// plates that lie square, since a longer lens further away is the same: so the ratio
// alone is sought, by the parabola that the squared residuals are.
static double aspect(fit *f, double focal, double a) {
  double h = 1e-3;
  for (int n = 0; n < 2; n++, h /= 4) {
    double y[3];
    for (int k = 0; k < 3; k++) y[k] = pow(solve(f, focal, focal * (a + (k - 1) * h)), 2);
    double bent = y[0] - 2 * y[1] + y[2];
    if (bent > 0) a += h * (y[0] - y[2]) / (2 * bent);
  }
  return solve(f, focal, focal * a);
}

int main(void) {
  int size[2] = {(int)number(), (int)number()};
  int columns = (int)number(), rows = (int)number();
  double pitch = number(), focal = number(), ratio = number(); // pitch in pixels, about
  int poses = (int)number();

  // Lengths are in units of the plate's distance, which is focal pixels.
  double unit = pitch / focal;
  mrcal_pose_t *frames = array(poses, sizeof *frames);
  mrcal_observation_board_t *boards = array(poses, sizeof *boards);
  mrcal_point3_t *seen = array((size_t)poses * columns * rows, sizeof *seen);
  for (int n = 0; n < poses; n++) {
    double turn = number(), x = number() / focal, y = number() / focal;
    // mrcal counts the plate's points from a corner.
    double dx = -(columns - 1) / 2. * unit, dy = -(rows - 1) / 2. * unit;
    frames[n].r.z = turn;
    frames[n].t.x = x + cos(turn) * dx - sin(turn) * dy;
    frames[n].t.y = y + sin(turn) * dx + cos(turn) * dy;
    frames[n].t.z = 1;
    boards[n].icam.extrinsics = -1;
    boards[n].iframe = n;
    for (int i = 0; i < columns * rows; i++) {
      mrcal_point3_t *p = &seen[n * columns * rows + i];
      p->x = number();
      p->y = number();
      p->z = number() > 0 ? 1 : -1;
    }
  }

  fit f = {size, columns, rows, poses, unit, boards, seen, frames, array(poses, sizeof *frames)};
  double rms = aspect(&f, focal, ratio);
  printf("%.9g\n", rms);
  double *lens = f.lens;
  for (int k = 0; k < 8; k++) printf("%.12g%c", lens[k], k < 7 ? ' ' : '\n');
  for (int n = (int)number(); n > 0; n--) {
    mrcal_point3_t plate = {.x = (number() + (columns - 1) / 2.) * unit, .y = (number() + (rows - 1) / 2.) * unit}, there;
    mrcal_point2_t q;
    mrcal_transform_point_rt(there.xyz, NULL, NULL, (double *)&f.laid[0], plate.xyz);
    if (!mrcal_project(&q, NULL, NULL, &there, 1, &model, lens)) return 1;
    printf("%.12g %.12g\n", q.x, q.y);
  }
  return 0;
}
