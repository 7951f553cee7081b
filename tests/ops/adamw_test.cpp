#include <accrete/backend/cpu/adamw.hpp>
#include <accrete/backend/reference/adamw.hpp>

#include <boost/test/unit_test.hpp>

#include "support/operation_checks.hpp"

BOOST_AUTO_TEST_SUITE(adamw)

namespace {

using namespace accrete_test;

/// One step from the given moments.
auto const evaluate = []<class Backend>(Backend const& backend, Numbers const& numbers,
                                        Values const& in) {
  using T = typename Backend::Master;
  Index const n = size_of(numbers, "N");
  Tensor<T, 1> parameter(in.at("parameter"), {n}), element({n});
  Tensor<T, 1> first(in.at("first_moment"), {n}), second(in.at("second_moment"), {n});
  Tensor<T, 1> const gradient(in.at("gradient"), {n});
  accrete::adamw_step(backend, parameter, element, gradient, first, second,
                      {.learning_rate = 0.01,
                       .epsilon = 1e-6,
                       .weight_decay = 0.125,
                       .gradient_scale = 0.5,
                       .step = 3});
  BOOST_TEST(same_bits(parameter.values(), element.values()));
  return Values{{"parameter", parameter.doubles()},
                {"first_moment", first.doubles()},
                {"second_moment", second.doubles()}};
};

Values inputs(Index count) {
  Values in{{"parameter", random_values("parameter", count)},
            {"gradient", random_values("gradient", count)},
            {"first_moment", random_values("first_moment", count)},
            {"second_moment", random_values("second_moment", count)}};
  for (double& value : in.at("second_moment")) value = std::abs(value);
  return in;
}

}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(three_steps_match_pytorch, Backend, AllBackends) {
  using T = typename Backend::Master;
  auto const backend = make_backend<Backend>();
  for (GoldenCase const& golden : golden_cases("adamw")) {
    Index const n = size_of(golden.numbers, "N");
    Tensor<T, 1> parameter(golden.values.at("param.0"), {n}), first({n}), second({n});
    for (Index step = 1; step <= 3; ++step) {
      std::string const number = "." + std::to_string(step);
      Tensor<T, 1> const gradient(golden.values.at("grad" + number), {n});
      accrete::adamw_step(
          backend, parameter, parameter, gradient, first, second,
          {.learning_rate = golden.lists.at("learning_rates")[std::size_t(step - 1)],
           .beta1 = golden.numbers.at("beta1"),
           .beta2 = golden.numbers.at("beta2"),
           .epsilon = golden.numbers.at("epsilon"),
           .weight_decay = golden.numbers.at("weight_decay"),
           .step = step});
      check_close(golden.name + number,
                  {{"param" + number, parameter.doubles()},
                   {"first_moment" + number, first.doubles()},
                   {"second_moment" + number, second.doubles()}},
                  golden.values, 8 * epsilon<T>);
    }
  }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(matches_reference_loops, Backend, KernelBackends) {
  for (Index const count : {1, 15, 16, 1031})
    check_against_reference<Backend>({{"N", double(count)}}, inputs(count), evaluate, 4);
}

BOOST_AUTO_TEST_CASE_TEMPLATE(runs_have_the_bits_of_one_step_each, Backend, AllBackends) {
  using T = typename Backend::Master;
  auto const backend = make_backend<Backend>();
  constexpr Index count = 5000;
  Values const in = inputs(count);
  auto const tensor = [&](char const* name) { return Tensor<T, 1>(in.at(name), {count}); };
  auto const gradient = tensor("gradient");
  auto whole = tensor("parameter"), first = tensor("first_moment"),
       second = tensor("second_moment");
  auto each = whole, each_first = first, each_second = second;
  accrete::AdamWStep const shared{.learning_rate = 0.01, .gradient_scale = 0.5};
  // Runs of one value, next to each other, with gaps, over several blocks and up to the end.
  std::vector<accrete::AdamWRun> const runs{{0, 1, 0.125, 3},   {1, 37, 0, 3},
                                            {48, 48, 0.5, 9},   {64, 2100, 0.125, 1},
                                            {2112, 2113, 0, 7}, {4099, count, 0.25, 2}};
  accrete::adamw_step<Backend>(backend, whole, whole, gradient, first, second, shared, runs);
  for (auto const& run : runs) {
    auto const part = [&](auto& values) {
      return accrete::View<Backend, accrete::Master, 1>(values).slice(run.begin, run.end);
    };
    accrete::AdamWStep own = shared;
    own.weight_decay = run.weight_decay;
    own.step = run.step;
    auto same_gradient = gradient;
    accrete::adamw_step<Backend>(backend, part(each), part(each), part(same_gradient),
                                 part(each_first), part(each_second), own);
  }
  BOOST_TEST(same_bits(whole.values(), each.values()));
  BOOST_TEST(same_bits(first.values(), each_first.values()));
  BOOST_TEST(same_bits(second.values(), each_second.values()));
}

BOOST_AUTO_TEST_CASE(runs_that_overlap_or_end_outside_are_rejected) {
  Tensor<float, 1> four({4});
  for (auto const& runs :
       {std::vector<accrete::AdamWRun>{{0, 3}, {2, 4}}, std::vector<accrete::AdamWRun>{{2, 5}},
        std::vector<accrete::AdamWRun>{{3, 2}}})
    BOOST_CHECK_EXCEPTION(accrete::adamw_step<accrete::CpuBackend>(
                              accrete::CpuBackend{}, four, four, four, four, four, {}, runs),
                          accrete::ShapeError, says("cannot follow"));
}

BOOST_AUTO_TEST_CASE_TEMPLATE(same_bits_for_any_thread_count, Backend, CpuBackends) {
  check_threads<Backend>({{"N", 131071}}, inputs(131071), evaluate);
}

BOOST_AUTO_TEST_CASE(gradient_of_wrong_length_is_rejected) {
  Tensor<float, 1> three({3}), two({2});
  BOOST_CHECK_EXCEPTION(
      accrete::adamw_step(accrete::CpuBackend{}, three, three, two, three, three, {}),
      accrete::ShapeError, says("adamw_step: axis 0 of gradient: expected 3, got 2"));
}

BOOST_AUTO_TEST_SUITE_END()
