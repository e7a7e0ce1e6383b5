// Runs the kernel over random dies in buffers of the exact size, for the
// address and undefined-behaviour sanitisers, and wants the same result of every
// instruction set. Started by sanitize_test.go with the number of rounds.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <memory>
#include <random>
#include <vector>

#include "../kernel.h"

namespace {

constexpr int kBlock = 64, kReach = 128;  // as in reference.go and job.go

std::mt19937 random_bits(1);
int Draw(int low, int high) { return std::uniform_int_distribution<int>(low, high)(random_bits); }

template <typename T> struct Buffer {  // starts at a cache line, ends at its last element
  explicit Buffer(size_t n) : size(n), data(static_cast<T *>(aligned_alloc(64, (n * sizeof(T) + 63) / 64 * 64))) {
    memset(static_cast<void *>(data), 0, n * sizeof(T));
  }
  Buffer(const Buffer &) = delete;
  ~Buffer() { free(data); }
  template <typename F> void Fill(F value) { std::generate(data, data + size, value); }
  size_t size;
  T *data;
};

int RoundUp(int n) { return (n + kBlock - 1) / kBlock * kBlock; }

// A round is one frame of up to four dies; false if instruction sets differ.
bool Round() {
  const int width = Draw(1, 180), height = Draw(1, 40), right = Draw(0, 1), bottom = Draw(0, 1), count = Draw(1, 4);
  const int frame_width = width + Draw(0, 9) + right, frame_height = height + Draw(0, 3) + bottom;
  const int depths[] = {8, 10, 12, 16}, depth = depths[Draw(0, 3)], bytes = depth > 8 ? 2 : 1;
  const int stride = frame_width * bytes + 2 * Draw(0, 9), table = RoundUp(width), limit_stride = 2 * table;
  const bool flat = Draw(0, 2) > 0;
  kensa_params p{width, height, stride, flat ? frame_width : 0, limit_stride, depth, table, Draw(1, 400), flat ? 15 : 0, flat ? 9 : 0, flat ? 300 : 0,
                 (frame_width + 63) / 64, {{1.0f / 64, 4.0f}, {1.0f / 32, 8.0f}}};
  // The proof is not what is tested here: cells make most tiles good, whatever the words are.
  std::vector<kensa_cell> cells(static_cast<size_t>(p.cell_stride) * ((frame_height + 31) / 32), {0.99f, 1.01f, 2.0f, 2.5f});

  const size_t raw_size = static_cast<size_t>(stride) * (frame_height - 1) + static_cast<size_t>(frame_width) * bytes;
  std::unique_ptr<uint8_t[]> raw(new uint8_t[raw_size]);
  std::generate(raw.get(), raw.get() + raw_size, [] { return Draw(0, 255); });
  std::vector<uint16_t> words(static_cast<size_t>(frame_width) * frame_height + kReach);
  std::generate(words.begin(), words.end(), [] { return Draw(4096, 32600); });
  Buffer<uint8_t> limits(3 * static_cast<size_t>(limit_stride) * height), line(2 * (width + kReach));
  limits.Fill([] { return 0; });
  for (int n = 0; n < 3 * width * height; ++n) {
    const int x = n % width;
    uint8_t *lo = limits.data + n / width * limit_stride + x / kBlock * 2 * kBlock + x % kBlock;
    lo[0] = static_cast<uint8_t>(Draw(0, 100));
    lo[kBlock] = static_cast<uint8_t>(Draw(100, 255));
  }
  for (int y = 0; y < 3 * height; ++y)
    for (int x = width; x < table; ++x) limits.data[y * limit_stride + x / kBlock * 2 * kBlock + x % kBlock + kBlock] = 255;
  std::vector<float> mean(width * height, 100.0f), sigma(width * height, 2.5f);
  Buffer<int16_t> across(count * table), down(count * height), above(4 * count * table);
  const int light = Draw(4000, 14000);
  across.Fill([=] { return light + Draw(0, 20); });
  down.Fill([] { return Draw(-20, 20); });
  std::vector<kensa_die> dies;
  for (int n = 0; n < count; ++n) {
    const int x = Draw(0, frame_width - width - right), y = Draw(0, frame_height - height - bottom);
    dies.push_back({x, y, std::min(width + 1, frame_width - x), std::min(height + 1, frame_height - y), right ? Draw(0, 32767) : 0,
                    bottom ? Draw(0, 32767) : 0, right ? Draw(0, 127) : 0, Draw(0, 129), Draw(-900, 900), n / 2, n, 0, 0, 0});
  }
  const int room = Draw(1, 2000);
  std::vector<kensa_run> first;
  int32_t first_found = 0;
  const int64_t all = kensa_targets();
  for (int64_t left = all; left != 0; left &= left - 1) {
    kensa_use_targets(left & -left);
    std::vector<kensa_run> pool(room);
    memset(pool.data(), 0, pool.size() * sizeof(kensa_run));
    const int32_t found = kensa_compare(&p, dies.data(), count, raw.get(), static_cast<int64_t>(raw_size), words.data(), cells.data(), limits.data,
                                        mean.data(), sigma.data(), across.data, down.data, above.data, line.data, pool.data(), room);
    if (left == all) {
      first.swap(pool);
      first_found = found;
    } else if (found != first_found || memcmp(first.data(), pool.data(), pool.size() * sizeof(kensa_run)) != 0) {
      fprintf(stderr, "%s: %d runs; the first instruction set found %d\n", kensa_target(), found, first_found);
      return false;
    }
  }
  return true;
}

// A round of one mark that fills the frame.
bool Marks() {
  constexpr int kSide = 33;
  const bool deep = Draw(0, 1);
  const int stride = kSide * (deep ? 2 : 1) + 2 * Draw(0, 4);
  kensa_params p{};
  p.raw_stride = stride;
  p.depth = deep ? 12 : 8;
  const size_t raw_size = static_cast<size_t>(stride) * (kSide - 1) + kSide * (deep ? 2 : 1);
  std::unique_ptr<uint8_t[]> raw(new uint8_t[raw_size]);
  std::generate(raw.get(), raw.get() + raw_size, [] { return Draw(0, 255); });
  std::vector<int16_t> planes(3 * 32 * 32);
  std::generate(planes.begin(), planes.end(), [] { return Draw(-2040, 2040); });
  const int32_t place[2] = {0, 0}, u = Draw(0, 32767), v = Draw(0, 32767);
  int64_t first[5], sums[5];
  const int64_t all = kensa_targets();
  for (int64_t left = all; left != 0; left &= left - 1) {
    kensa_use_targets(left & -left);
    kensa_measure(&p, raw.get(), planes.data(), place, 1, u, v, Draw(0, 1000), left == all ? first : sums);
    if (left != all && memcmp(first, sums, sizeof sums) != 0) {
      fprintf(stderr, "%s: other sums than the first instruction set\n", kensa_target());
      return false;
    }
  }
  return true;
}

}  // namespace

int main(int argc, char **argv) {
  const int rounds = argc > 1 ? atoi(argv[1]) : 1000;
  for (int n = 0; n < rounds; ++n)
    if (!Round() || !Marks()) return 1;
  printf("%d rounds\n", rounds);
  return 0;
}
