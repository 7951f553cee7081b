#include <accrete/substrate/lapack_eigen_solver.hpp>

#include <cmath>
#include <limits>
#include <vector>

#include <boost/test/unit_test.hpp>

#include <accrete/substrate/pca.hpp>
#include <support/all_close.hpp>
#include <support/error_text.hpp>

#include "random_bits.hpp"

BOOST_AUTO_TEST_SUITE(lapack_eigen_solver)

namespace {

using accrete::Index;

}  // namespace

BOOST_AUTO_TEST_CASE(components_and_table_equal_those_of_the_portable_solver) {
  auto const bits = accrete_test::random_bits(500, 90);
  accrete::ThreadPool pool(2);
  auto const both = co_occurrence(bits, pool);
  auto const portable = fit_pca(both, 30, pool);
  auto const lapack = fit_pca(both, 30, pool, accrete::lapack_eigen_solver());
  BOOST_TEST(accrete_test::all_close(lapack.variances, portable.variances, 1e-12, 0.0));
  BOOST_TEST(accrete_test::all_close(lapack.components, portable.components, 0.0, 1e-10));
  BOOST_TEST(accrete_test::all_close(project_normalized(lapack, bits, pool),
                                     project_normalized(portable, bits, pool), 0.0, 1e-6));
}

BOOST_AUTO_TEST_CASE(its_name_says_which_it_is) {
  BOOST_TEST(accrete::lapack_eigen_solver().name.starts_with("lapack"));
  BOOST_TEST(accrete::portable_eigen_solver().name == "portable");
}

BOOST_AUTO_TEST_CASE(wrong_sizes_and_numbers_are_rejected) {
  using accrete_test::says;
  auto const solver = accrete::lapack_eigen_solver();
  accrete::ThreadPool pool(1);
  std::vector<double> matrix(9, 1.0);
  BOOST_CHECK_EXCEPTION((void)solver.solve(matrix, 4, 1, pool), accrete::ShapeError, says("n = 4"));
  matrix[4] = std::numeric_limits<double>::quiet_NaN();
  BOOST_CHECK_EXCEPTION((void)solver.solve(matrix, 3, 1, pool), accrete::NumericError,
                        says("not finite"));
}

BOOST_AUTO_TEST_SUITE_END()
