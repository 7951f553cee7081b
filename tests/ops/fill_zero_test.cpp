#include <accrete/backend/cpu/fill_zero.hpp>
#include <accrete/backend/reference/fill_zero.hpp>

#include <boost/test/unit_test.hpp>

#include "support/operation_checks.hpp"

BOOST_AUTO_TEST_SUITE(fill_zero)

BOOST_AUTO_TEST_CASE_TEMPLATE(everything_is_zero_and_nothing_more, Backend,
                              accrete_test::AllBackends) {
  using T = typename Backend::Master;
  for (std::size_t const count : {0u, 1u, 67u, 200001u}) {
    accrete_test::TensorValues<T> values(count + 1, T{3});
    accrete::fill_zero(accrete_test::make_backend<Backend>(),
                       {values.data(), {static_cast<accrete::Index>(count)}});
    BOOST_TEST(
        (std::count(values.begin(), values.end(), T{0}) == static_cast<std::ptrdiff_t>(count)));
    BOOST_TEST(values.back() == T{3});
  }
}

BOOST_AUTO_TEST_SUITE_END()
