// Sampling on the device: the same token as on the host, for the same logits.
#include <accrete/backend/cuda/cuda.hpp>
#include <accrete/generate/sampling.hpp>
#include <accrete/memory/transfer.hpp>
#include <accrete/memory/workspace.hpp>

#include <boost/test/unit_test.hpp>

#include <accrete/core/random.hpp>

#include "support/all_close.hpp"
#include "support/tested_cuda.hpp"

BOOST_AUTO_TEST_SUITE(cuda_sample)

namespace {

using namespace accrete_test;
using accrete::BasicCudaBackend;
using accrete::Element;
using accrete::Index;
using accrete::SamplingOptions;
using accrete::TokenId;
using accrete::View;
using Numbers =
    std::tuple<BasicCudaBackend<float>, BasicCudaBackend<double>, accrete::CudaBackendBf16>;

/// Tokens of rows of V logits on the device.
template <class Backend>
std::vector<TokenId> sampled(Backend const& backend,
                             std::vector<accrete::TypeOf<Backend, Element>> const& logits,
                             std::vector<double> const& uniform, SamplingOptions const& options) {
  auto const rows = static_cast<Index>(uniform.size());
  Index const vocabulary = static_cast<Index>(logits.size()) / rows;
  struct Parts {
    View<Backend, Element, 2> logits;
    View<Backend, double, 1> uniform;
    View<Backend, TokenId, 1> tokens;
  };
  auto const [memory, parts] = accrete::plan_on(backend, [&](auto& workspace) {
    return Parts{workspace.template tensor<Element>(rows, vocabulary),
                 workspace.template tensor<double>(rows), workspace.template tensor<TokenId>(rows)};
  });
  accrete::fill_from_host(backend, parts.logits,
                          [&](auto to) { std::copy(logits.begin(), logits.end(), to.begin()); });
  accrete::fill_from_host(backend, parts.uniform,
                          [&](auto to) { std::copy(uniform.begin(), uniform.end(), to.begin()); });
  accrete::sample_tokens<Backend>(backend, parts.logits, parts.uniform, parts.tokens, options);
  auto const tokens = accrete::host_copy(backend, parts.tokens);
  return {tokens.begin(), tokens.end()};
}

/// Rows of random logits; those of every second row lie on a grid, so that many are equal.
template <class T>
std::vector<T> random_rows(Index rows, Index vocabulary, std::uint64_t seed) {
  accrete::RandomStream const stream(seed, 4);
  std::vector<T> logits;
  for (Index row = 0; row < rows; ++row)
    for (Index v = 0; v < vocabulary; ++v) {
      auto const at = static_cast<std::uint64_t>(row * vocabulary + v);
      double const value = 4 * stream.normals(at / 4)[at % 4];
      logits.push_back(static_cast<T>(row % 2 == 0 ? value : std::round(value / 2) * 2));
    }
  return logits;
}

std::vector<SamplingOptions> const all_options{{.temperature = 0},
                                               {},
                                               {.temperature = 0.3},
                                               {.temperature = 1e-300},
                                               {.temperature = 1e300},
                                               {.top_k = 1},
                                               {.top_k = 5},
                                               {.top_k = 300},
                                               {.top_p = 0.9},
                                               {.top_p = 0.3},
                                               {.top_p = 1e-9},
                                               {.temperature = 3, .top_k = 20, .top_p = 0.8},
                                               {.temperature = 0.7, .top_k = 3, .top_p = 0.6}};

/// Compares a batch of rows with what the host's sampler chooses for each.
template <class Backend>
void check(Backend const& backend, std::vector<accrete::TypeOf<Backend, Element>> const& logits,
           Index rows, SamplingOptions const& options, std::uint64_t seed) {
  using T = accrete::TypeOf<Backend, Element>;
  std::vector<double> uniform;
  accrete::RandomStream const stream(seed, 5);
  for (Index row = 0; row < rows; ++row)
    uniform.push_back(row == 0   ? 0.0
                      : row == 1 ? 1 - 0x1p-53
                                 : stream.uniform(static_cast<std::uint64_t>(row)));
  std::size_t const vocabulary = logits.size() / uniform.size();
  accrete::Sampler sampler(options);
  std::vector<TokenId> expected;
  for (std::size_t row = 0; row < uniform.size(); ++row)
    expected.push_back(sampler.choose(
        std::span<T const>(logits).subspan(row * vocabulary, vocabulary), uniform[row]));
  BOOST_TEST(sampled(backend, logits, uniform, options) == expected,
             boost::test_tools::per_element());
}

}  // namespace

BOOST_AUTO_TEST_CASE_TEMPLATE(device_chooses_what_the_host_chooses, Backend, Numbers) {
  using T = accrete::TypeOf<Backend, Element>;
  auto const api = std::make_shared<TestedCuda>();
  Backend const backend(api);
  for (Index const vocabulary : {1, 2, 3, 16, 17, 255, 257, 1001})
    for (auto const& options : all_options)
      BOOST_TEST_CONTEXT("V " << vocabulary << ", temperature " << options.temperature << ", top_k "
                              << options.top_k << ", top_p " << options.top_p) {
        Index const rows = 12;
        auto const seed = static_cast<std::uint64_t>(vocabulary);
        check(backend, random_rows<T>(rows, vocabulary, seed), rows, options, seed);
      }
}

BOOST_AUTO_TEST_CASE_TEMPLATE(ties_zeros_and_what_is_no_number_are_no_trouble, Backend, Numbers) {
  using T = accrete::TypeOf<Backend, Element>;
  auto const api = std::make_shared<TestedCuda>();
  Backend const backend(api);
  float const infinity = std::numeric_limits<float>::infinity(),
              nan = std::numeric_limits<float>::quiet_NaN();
  for (auto const& row :
       std::vector<std::vector<float>>{{0, -0.0F, 0, -0.0F},
                                       {1, 1, 1, 1},
                                       {-infinity, 1, -infinity, 1},
                                       {infinity, 1, infinity, 2},
                                       {-infinity, -infinity, -infinity, -infinity},
                                       {nan, 1, -nan, 0.5F},
                                       {nan, nan, nan, nan},
                                       {3e38F, -3e38F, 0, 3e38F}}) {
    std::vector<T> logits;
    for (int copy = 0; copy < 8; ++copy)
      for (float const logit : row) logits.push_back(static_cast<T>(logit));
    for (auto const& options : all_options)
      BOOST_TEST_CONTEXT("row from " << row[0] << ", temperature " << options.temperature
                                     << ", top_k " << options.top_k << ", top_p " << options.top_p)
    check(backend, logits, 8, options, 1);
  }
}

BOOST_AUTO_TEST_CASE(sizes_and_settings_that_do_not_fit_are_refused) {
  using Backend = accrete::CudaBackend;
  Backend const backend(std::make_shared<TestedCuda>());
  View<Backend, Element const, 2> const logits(nullptr, {2, 5}), empty(nullptr, {2, 0});
  View<Backend, double const, 1> const uniform(nullptr, {2}), one(nullptr, {1});
  View<Backend, TokenId, 1> const tokens(nullptr, {2}), three(nullptr, {3});
  BOOST_CHECK_EXCEPTION(accrete::sample_tokens<Backend>(backend, logits, one, tokens, {}),
                        accrete::ShapeError, says("sample_tokens: axis"));
  BOOST_CHECK_EXCEPTION(accrete::sample_tokens<Backend>(backend, logits, uniform, three, {}),
                        accrete::ShapeError, says("sample_tokens: axis"));
  BOOST_CHECK_EXCEPTION(accrete::sample_tokens<Backend>(backend, empty, uniform, tokens, {}),
                        accrete::ShapeError, says("at least one logit"));
  BOOST_CHECK_EXCEPTION(
      accrete::sample_tokens<Backend>(backend, logits, uniform, tokens, {.top_p = 0}),
      accrete::ValueError, says("top_p"));
}

BOOST_AUTO_TEST_SUITE_END()
