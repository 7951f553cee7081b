// Sizes that no tensor core likes: odd vocabularies and widths, one token, one sequence; and a cuBLASLt that refuses them.
#include <accrete/backend/cuda/cuda.hpp>

#include <boost/test/unit_test.hpp>

#include "support/all_close.hpp"
#include "support/fake_cuda.hpp"
#include "support/models.hpp"

BOOST_AUTO_TEST_SUITE(cuda_odd_sizes)

namespace {

using namespace accrete_test;
using accrete::CudaBackend;
using accrete::CudaBackendBf16;

struct Sizes {
  Index batch, time, vocabulary, width, heads, hidden;
};
/// One token; one sequence; one head, and heads of two channels; nothing divisible by 8, and T over one tile of attention.
constexpr Sizes all_sizes[] = {
    {1, 1, 13, 10, 1, 7}, {1, 5, 5, 6, 3, 1}, {3, 1, 17, 18, 9, 33}, {1, 67, 11, 22, 1, 35}};

/// Losses and gradient norms of four steps, one of them after growth, and the tokens that follow two prompts.
template <class Backend>
auto results(Backend const& backend, Sizes const& sizes, double& tokens_agree_with) {
  GrowingModel<Backend> model{
      backend,
      random_substrate(sizes.vocabulary, sizes.width),
      {.seed = 3,
       .planned_depth = 2,
       .block = {.model_dim = sizes.width, .head_count = sizes.heads, .hidden_dim = sizes.hidden}}};
  std::vector<double> numbers;
  std::string warnings;
  auto batches = random_batches(sizes.vocabulary, sizes.batch, sizes.time);
  accrete::TrainerOptions options{.schedule = {.shape = accrete::Schedule::Shape::constant}};
  options.on_step = [&](accrete::StepReport const& step) {
    numbers.push_back(step.loss);
    numbers.push_back(step.gradient_norm);
    warnings += step.warning;
  };
  for (Index const steps : {3, 1}) {
    model.body().grow(1);
    options.steps = steps;
    accrete::Trainer{model, accrete::AdamW{}, options}.fit(batches);
  }
  double sum = 0;
  for (auto const& tokens : accrete::generate_tokens(
           model, {{1, 4}, {1}}, {.max_tokens = 4, .sampling = {.temperature = 0}}))
    for (TokenId const token : tokens) sum = 31 * sum + token;
  tokens_agree_with = sum;
  return std::pair{numbers, warnings};
}

std::shared_ptr<FakeCuda> strict() {
  auto const api = std::make_shared<FakeCuda>();
  api->settings().refuses = [](Index rows, Index columns, Index inner) {
    return rows % 8 != 0 || columns % 8 != 0 || inner % 8 != 0;
  };
  return api;
}

}  // namespace

BOOST_AUTO_TEST_CASE(odd_sizes_train_and_generate_like_on_the_cpu) {
  for (Sizes const& sizes : all_sizes) {
    BOOST_TEST_CONTEXT("B " << sizes.batch << " T " << sizes.time << " V " << sizes.vocabulary) {
      double expected_tokens = 0, tokens = 0;
      auto const expected = results(Cpu(1), sizes, expected_tokens).first;
      for (auto const& api : {std::make_shared<FakeCuda>(), strict()}) {
        auto const [numbers, warnings] = results(CudaBackend(api), sizes, tokens);
        BOOST_TEST(all_close(numbers, expected, 1e-4, 1e-6));
        BOOST_TEST(tokens == expected_tokens);
        BOOST_TEST(warnings.empty() == !api->settings().refuses);
        auto const rounded = results(CudaBackendBf16(api), sizes, tokens).first;
        for (std::size_t i = 0; i < rounded.size(); i += 2)  // losses
          BOOST_TEST(std::abs(rounded[i] - expected[i]) < 0.02 * expected[0]);
        BOOST_TEST(api->alive() == 0u);
        BOOST_TEST(api->mistakes().empty());
      }
    }
  }
}

BOOST_AUTO_TEST_CASE(what_is_refused_is_said_in_the_first_step_and_never_again) {
  auto const api = strict();
  GrowingModel<CudaBackendBf16> model{
      CudaBackendBf16(api),
      random_substrate(13, 10),
      {.seed = 3,
       .planned_depth = 2,
       .block = {.model_dim = 10, .head_count = 1, .hidden_dim = 7}}};
  model.body().grow(1);
  auto batches = random_batches(13, 1, 3);
  accrete::Trainer trainer{model, accrete::AdamW{}, {.steps = 3}};
  BOOST_TEST(trainer.step(batches).warning.find("cuBLASLt refuses (3,10) x (10,30)^T") !=
             std::string::npos);
  auto const refused = model.backend().product().refused();
  for (int i = 0; i < 2; ++i) BOOST_TEST(trainer.step(batches).warning.empty());
  BOOST_TEST((model.backend().product().refused() == refused));
  BOOST_TEST(api->launches_by_name().at("plain_product") > 0);
}

BOOST_AUTO_TEST_SUITE_END()
