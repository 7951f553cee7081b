/// accrete::lapack brings the library that its header calls.
#include <accrete/core/thread_pool.hpp>
#include <accrete/substrate/lapack_eigen_solver.hpp>
#include <vector>

int main() {
  accrete::ThreadPool pool(1);
  std::vector<double> const matrix{2, 1, 1, 2};
  auto const eigen = accrete::lapack_eigen_solver().solve(matrix, 2, 1, pool);
  return eigen.values[0] > 2.999 && eigen.values[0] < 3.001 ? 0 : 1;
}
