/// A user's program that needs Eigen alone: one linear map, y = x W^T, by the CPU backend.
#include <accrete/accrete.hpp>
#include <cstdio>
#include <vector>

int main() try {
  std::vector<float> const x{1, 2};             // (1,2)
  std::vector<float> const weight{3, 4, 5, 6};  // (2,2)
  std::vector<float> y(2);                      // (1,2)
  accrete::CpuBackend const cpu(1);
  accrete::linear_forward(cpu, {x.data(), {1, 2}}, {weight.data(), {2, 2}}, {}, {y.data(), {1, 2}});
  std::printf("accrete %s: (%g, %g)\n", ACCRETE_VERSION_STRING, y[0], y[1]);
  return y[0] == 11 && y[1] == 17 ? 0 : 1;
} catch (accrete::Error const& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
