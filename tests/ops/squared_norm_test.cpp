#include <accrete/backend/cpu/squared_norm.hpp>
#include <accrete/backend/reference/squared_norm.hpp>

#include <boost/test/unit_test.hpp>

#include "support/operation_checks.hpp"

BOOST_AUTO_TEST_SUITE(squared_norm)

namespace {

using namespace accrete_test;

auto const evaluate = []<class Backend>(Backend const& backend, Numbers const&, Values const& in) {
  Tensor<typename Backend::Master, 1> const x(in.at("x"), {static_cast<Index>(in.at("x").size())});
  return Values{{"out", {accrete::squared_norm(backend, x)}}};
};

}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(is_the_norm_that_pytorch_clips_by, Backend, AllBackends) {
  auto const backend = make_backend<Backend>();
  for (GoldenCase const& golden : golden_cases("clip_grad_norm")) {
    double squares = 0;
    for (auto const& [name, values] : golden.values)
      if (name.starts_with("grad.")) squares += evaluate(backend, {}, {{"x", values}}).at("out")[0];
    BOOST_TEST(all_close(std::vector{std::sqrt(squares)}, golden.values.at("norm"), 1e-14));
  }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(matches_reference_loops, Backend, KernelBackends) {
  for (Index const count : {0, 1, 31, 1031, 16384, 16385})
    BOOST_TEST(all_close(
        evaluate(make_backend<Backend>(), {}, {{"x", random_values("x", count)}}).at("out"),
        evaluate(accrete::ReferenceBackend<double>{}, {}, {{"x", random_values("x", count)}})
            .at("out"),
        1e-13));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(same_bits_for_any_thread_count, Backend, CpuBackends) {
  check_threads<Backend>({}, {{"x", random_values("x", 16384 * 7 + 67)}}, evaluate);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(shows_one_value_that_is_not_finite, Backend, AllBackends) {
  for (double const bad : {std::nan(""), std::numeric_limits<double>::infinity()})
    for (std::size_t const place : {0u, 17000u, 39999u}) {
      std::vector<double> x(40000, 1.0);
      x[place] = bad;
      BOOST_TEST(!std::isfinite(evaluate(make_backend<Backend>(), {}, {{"x", x}}).at("out")[0]));
    }
}

BOOST_AUTO_TEST_SUITE_END()
