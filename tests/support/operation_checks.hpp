/// What every operation must pass. A test describes its operation once, as a function
/// `Values evaluate(backend, numbers, inputs)` that runs forward and backward and names its results
/// like PyTorch's numbers: "out", "grad_x". These checks do the rest.
#pragma once

#include <array>
#include <numeric>
#include <string>
#include <vector>

#include "support/all_close.hpp"
#include "support/backends.hpp"
#include "support/finite_differences.hpp"
#include "support/golden.hpp"
#include "support/tensors.hpp"

namespace accrete_test {

/// Every result must be close to the expected one of the same name.
inline void check_close(std::string const& where, Values const& actual, Values const& expected,
                        double relative) {
  for (auto const& [name, values] : actual) {
    auto const wanted = expected.find(name);
    if (wanted == expected.end()) continue;
    BOOST_TEST_CONTEXT(where << ": " << name) {
      BOOST_TEST(all_close(values, wanted->second, relative));
    }
  }
}

inline void check_same_bits(std::string const& where, Values const& actual,
                            Values const& expected) {
  BOOST_TEST(actual.size() == expected.size());
  for (auto const& [name, values] : actual) {
    BOOST_TEST_CONTEXT(where << ": " << name) {
      BOOST_TEST(same_bits(values, expected.at(name)));
    }
  }
}

/// Against all of PyTorch's cases; `roundings` is the error allowed, in epsilons of the backend.
template <class Backend, class Evaluate>
void check_against_pytorch(std::string const& operation, Evaluate evaluate, double roundings) {
  auto const backend = make_backend<Backend>();
  for (GoldenCase const& golden : golden_cases(operation))
    check_close(golden.name, evaluate(backend, golden.numbers, golden.values), golden.values,
                roundings * epsilon<typename Backend::Element>);
}

/// Against the reference loops in double, on inputs of any size.
template <class Backend, class Evaluate>
void check_against_reference(Numbers const& numbers, Values const& inputs, Evaluate evaluate,
                             double roundings) {
  Values const expected = evaluate(accrete::ReferenceBackend<double>{}, numbers, inputs);
  check_close("against the reference loops", evaluate(make_backend<Backend>(), numbers, inputs),
              expected, roundings * epsilon<typename Backend::Element>);
}

/// Each "grad_NAME" against differences of sum(out * grad_out) by the input NAME.
template <class Backend, class Evaluate>
void check_against_differences(Numbers const& numbers, Values inputs, Evaluate evaluate) {
  auto const backend = make_backend<Backend>();
  auto const loss = [&] {
    std::vector<double> const out = evaluate(backend, numbers, inputs).at("out");
    return std::inner_product(out.begin(), out.end(), inputs.at("grad_out").begin(), 0.0);
  };
  for (auto const& [name, gradient] : evaluate(backend, numbers, inputs)) {
    if (!name.starts_with("grad_")) continue;
    BOOST_TEST_CONTEXT(name) {
      BOOST_TEST(all_close(gradient, finite_differences(inputs.at(name.substr(5)), loss), 1e-9));
    }
  }
}

/// The same bits for 1, 2, 3 and 8 threads.
template <class Backend, class Evaluate>
void check_threads(Numbers const& numbers, Values const& inputs, Evaluate evaluate) {
  Values const expected = evaluate(Backend(1), numbers, inputs);
  for (int const threads : {2, 3, 8})
    check_same_bits(std::to_string(threads) + " threads",
                    evaluate(Backend(threads), numbers, inputs), expected);
}

/// Row `row` of `rows` in each of the values named in `names`; the others as they are.
[[nodiscard]] inline Values row_of(Values values, std::vector<std::string> const& names,
                                   std::size_t row, std::size_t rows) {
  for (auto const& name : names) {
    std::vector<double>& all = values.at(name);
    auto const width = static_cast<std::ptrdiff_t>(all.size() / rows);
    auto const begin = all.begin() + static_cast<std::ptrdiff_t>(row) * width;
    all = std::vector<double>(begin, begin + width);
  }
  return values;
}

/// Each row alone gives the bits that it gives within the batch. `rows_are` is the number that
/// counts rows, such as "B"; `by_row` names the inputs and results that have one part per row.
template <class Backend, class Evaluate>
void check_rows_alone(Numbers numbers, std::string const& rows_are, Values const& inputs,
                      std::vector<std::string> const& inputs_by_row,
                      std::vector<std::string> const& results_by_row, Evaluate evaluate) {
  auto const backend = make_backend<Backend>();
  auto const rows = static_cast<std::size_t>(numbers.at(rows_are));
  Values batch = evaluate(backend, numbers, inputs);
  std::erase_if(batch, [&](auto const& result) {
    return std::find(results_by_row.begin(), results_by_row.end(), result.first) ==
           results_by_row.end();
  });
  numbers[rows_are] = 1;
  for (std::size_t row = 0; row < rows; ++row) {
    Values const alone = evaluate(backend, numbers, row_of(inputs, inputs_by_row, row, rows));
    for (auto const& [name, values] : row_of(batch, results_by_row, row, rows)) {
      BOOST_TEST_CONTEXT("row " << row << " alone: " << name) {
        BOOST_TEST(same_bits(alone.at(name), values));
      }
    }
  }
}

}  // namespace accrete_test
