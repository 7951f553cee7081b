#include <boost/test/unit_test.hpp>

#include <algorithm>
#include <limits>
#include <map>
#include <string>

#include "support/all_close.hpp"
#include "support/models.hpp"

using namespace accrete;
using namespace accrete_test;

BOOST_AUTO_TEST_SUITE(trainer)

namespace {

constexpr Index vocabulary = 23;
using Model = GrowingModel<Double>;

Model make(std::vector<Index> const& stages) {
  Model model{Double{},
              random_substrate(vocabulary, 8),
              {.seed = 3,
               .planned_depth = 2,
               .block = {.model_dim = 16, .head_count = 2, .hidden_dim = 24}}};
  for (Index const blocks : stages) model.body().grow(blocks);
  return model;
}

/// Batches as given, again and again.
struct FixedBatches {
  Index batch_size = 0, length = 0;
  std::vector<std::vector<TokenId>> inputs{}, targets{};
  std::size_t handed_out = 0;

  [[nodiscard]] Index batch() const { return batch_size; }
  [[nodiscard]] Index time() const { return length; }
  void next(std::span<TokenId> ids, std::span<TokenId> wanted) {
    std::size_t const i = handed_out++ % inputs.size();
    std::copy(inputs[i].begin(), inputs[i].end(), ids.begin());
    std::copy(targets[i].begin(), targets[i].end(), wanted.begin());
  }
  [[nodiscard]] Json state() const { return Json(static_cast<Index>(handed_out)); }
  void restore(Json const& state) { handed_out = static_cast<std::size_t>(state.as_int()); }
};

/// `count` batches (2,5), of whose targets each has another number ignored.
FixedBatches uneven_batches(std::size_t count) {
  FixedBatches batches{.batch_size = 2, .length = 5};
  for (std::size_t i = 0; i < count; ++i) {
    batches.inputs.push_back(random_tokens(10, vocabulary, 10 + i));
    batches.targets.push_back(random_tokens(10, vocabulary, 20 + i));
    std::fill_n(batches.targets.back().begin(), 3 * i, ignored_target);
  }
  return batches;
}

/// The same tokens in one batch.
FixedBatches joined(FixedBatches const& parts) {
  FixedBatches whole{.batch_size = parts.batch_size * static_cast<Index>(parts.inputs.size()),
                     .length = parts.length};
  whole.inputs.emplace_back();
  whole.targets.emplace_back();
  for (std::size_t i = 0; i < parts.inputs.size(); ++i) {
    whole.inputs[0].insert(whole.inputs[0].end(), parts.inputs[i].begin(), parts.inputs[i].end());
    whole.targets[0].insert(whole.targets[0].end(), parts.targets[i].begin(),
                            parts.targets[i].end());
  }
  return whole;
}

/// Both moments of everything that trains.
template <class AnyTrainer>
std::vector<double> moments_of(AnyTrainer const& trainer) {
  std::vector<double> values;
  for (auto const& part : trainer.active().segments())
    for (auto const run : {part.first_moment, part.second_moment})
      values.insert(values.end(), run.span().begin(), run.span().end());
  return values;
}

using BothBackends = std::tuple<Double, Cpu>;

Schedule const constant{.shape = Schedule::Shape::constant};

}  // namespace

BOOST_AUTO_TEST_CASE(loss_falls) {
  Model model = make({2});
  FixedBatches batches = uneven_batches(2);
  std::vector<double> losses;
  Trainer trainer{
      model, AdamW{.learning_rate = 1e-2}, {.steps = 60, .on_step = [&](StepReport const& report) {
                                              losses.push_back(report.loss);
                                            }}};
  FitResult const result = trainer.fit(batches);
  BOOST_TEST(result.steps == 60);
  BOOST_TEST(!result.stopped);
  BOOST_TEST(result.last_loss == losses.back());
  BOOST_TEST(std::abs(losses.front() - std::log(23.0)) < 0.2);
  BOOST_TEST(losses.back() < 0.5);
}

BOOST_AUTO_TEST_CASE(reports_count_targets_and_follow_the_schedule) {
  Model model = make({1});
  FixedBatches batches = uneven_batches(3);  // 10, 7 and 4 targets
  std::vector<StepReport> reports;
  TrainerOptions const options{
      .steps = 4,
      .schedule = {.shape = Schedule::Shape::linear, .steps = 0, .final_factor = 0},
      .on_step = [&](StepReport const& report) { reports.push_back(report); }};
  Trainer trainer{model, AdamW{.learning_rate = 0.01}, options};
  trainer.fit(batches);
  BOOST_TEST_REQUIRE(reports.size() == 4U);
  std::vector<Index> const tokens{10, 7, 4, 10}, totals{10, 17, 21, 31};
  for (std::size_t i = 0; i < 4; ++i) {
    BOOST_TEST(reports[i].step == static_cast<Index>(i + 1));
    BOOST_TEST(reports[i].steps == 4);
    BOOST_TEST(reports[i].tokens == tokens[i]);
    BOOST_TEST(reports[i].total_tokens == totals[i]);
    BOOST_TEST(std::abs(reports[i].learning_rate - 0.01 * (1 - static_cast<double>(i) / 4)) <
               1e-15);
    BOOST_TEST(reports[i].gradient_norm > 0);
    BOOST_TEST(reports[i].seconds >= 0);
    BOOST_TEST(!reports[i].validation_loss);
  }
  BOOST_TEST(trainer.steps_done() == 4);
  BOOST_TEST(trainer.total_tokens() == 31);
}

BOOST_AUTO_TEST_CASE(accumulated_batches_equal_one_large_batch) {
  FixedBatches parts = uneven_batches(3);
  FixedBatches whole = joined(parts);
  Model by_parts = make({2}), at_once = make({2});
  TrainerOptions options{.steps = 3, .accumulation = 3, .schedule = constant};
  Trainer first{by_parts, AdamW{}, options};
  options.accumulation = 1;
  Trainer second{at_once, AdamW{}, options};
  for (int i = 0; i < 3; ++i) {
    StepReport const a = first.step(parts), b = second.step(whole);
    BOOST_TEST(std::abs(a.loss - b.loss) < 1e-12);
    BOOST_TEST(std::abs(a.gradient_norm - b.gradient_norm) < 1e-12);
    BOOST_TEST(a.tokens == 21);
    BOOST_TEST(b.tokens == 21);
  }
  BOOST_TEST(all_close(parameters_of(by_parts), parameters_of(at_once), 1e-9));
  BOOST_TEST(all_close(moments_of(first), moments_of(second), 1e-12));
}

BOOST_AUTO_TEST_CASE(clipping_scales_all_gradients_to_the_norm) {
  FixedBatches batches = uneven_batches(1);
  Model clipped_model = make({1}), free_model = make({1});
  TrainerOptions options{.steps = 1, .clip_norm = 0.25, .schedule = constant};
  Trainer clipped{clipped_model, AdamW{}, options};
  options.clip_norm = 0;
  Trainer free{free_model, AdamW{}, options};
  double const norm = clipped.step(batches).gradient_norm;
  BOOST_TEST(free.step(batches).gradient_norm == norm);
  BOOST_TEST_REQUIRE(norm > 0.25);

  // After one step the moments are (1 - beta1) g and (1 - beta2) g^2.
  double const scale = 0.25 / (norm + 1e-6);
  double squares = 0;
  for (std::size_t i = 0; i < free.active().segments().size(); ++i) {
    auto const& with = clipped.active().segments()[i];
    auto const& without = free.active().segments()[i];
    std::vector<double> first, second;
    for (double const g : without.gradient.span()) {
      first.push_back((1 - AdamW{}.beta1) * scale * g);
      second.push_back((1 - AdamW{}.beta2) * scale * scale * g * g);
      squares += scale * scale * g * g;
    }
    BOOST_TEST(all_close(with.first_moment.span(), first, 1e-12, 1e-18));
    BOOST_TEST(all_close(with.second_moment.span(), second, 1e-12, 1e-18));
  }
  BOOST_TEST(std::abs(std::sqrt(squares) - 0.25) < 1e-5);
}

BOOST_AUTO_TEST_CASE(gradients_within_the_norm_are_left_alone) {
  FixedBatches batches = uneven_batches(1);
  Model clipped_model = make({1}), free_model = make({1});
  TrainerOptions options{.steps = 1, .clip_norm = 1e6, .schedule = constant};
  Trainer clipped{clipped_model, AdamW{}, options};
  options.clip_norm = 0;
  Trainer free{free_model, AdamW{}, options};
  clipped.step(batches);
  free.step(batches);
  BOOST_TEST(same_bits(parameters_of(clipped_model), parameters_of(free_model)));
}

BOOST_AUTO_TEST_CASE(only_matrices_decay) {
  Model model = make({1});
  auto const before = parameters_of(model);
  FixedBatches batches = uneven_batches(1);
  AdamW const huge_decay{.learning_rate = 1e-9, .weight_decay = 1e8};  // p <- p (1 - 0.1)
  Trainer trainer{model, huge_decay, {.steps = 1, .schedule = constant}};
  trainer.step(batches);
  std::size_t begin = 0;
  model.for_each_segment([&](std::string const&, auto const& segment) {
    for (auto const& entry : segment.entries()) {
      double const factor = entry.shape.size() >= 2 ? 0.9 : 1;
      for (Index i = entry.offset; i < entry.offset + entry.count; ++i)
        BOOST_TEST(std::abs(segment.values()(i) -
                            factor * before[begin + static_cast<std::size_t>(i)]) < 1e-8);
    }
    begin += static_cast<std::size_t>(segment.values().count());
  });
}

BOOST_AUTO_TEST_CASE(frozen_blocks_keep_their_bits) {
  Model model = make({1, 1});
  auto const before = parameters_of(model);
  FixedBatches batches = uneven_batches(2);
  Trainer{model, AdamW{.learning_rate = 1e-2}, {.steps = 5}}.fit(batches);
  auto const after = parameters_of(model);
  auto const frozen = static_cast<std::size_t>(parameter_count(model.body().blocks()[0]));
  BOOST_TEST(same_bits(std::span(after).first(frozen), std::span(before).first(frozen)));
  BOOST_TEST(!same_bits(after, before));
}

// A model of one backend on which a rate that is far too high ends in NaN: nothing of that step may stay.
BOOST_AUTO_TEST_CASE_TEMPLATE(rate_that_is_too_high_is_found_in_its_own_step, Backend,
                              BothBackends) {
  GrowingModel<Backend> model{
      Backend{},
      random_substrate(vocabulary, 8),
      {.planned_depth = 2, .block = {.model_dim = 16, .head_count = 2, .hidden_dim = 24}}};
  model.body().grow(2);
  FixedBatches batches = uneven_batches(2);
  auto parameters = parameters_of(model);
  std::vector<double> moments;
  Index steps_done = 0;
  TrainerOptions options{.steps = 1000, .schedule = constant};
  Trainer<GrowingModel<Backend>>* running = nullptr;
  options.on_step = [&](StepReport const& report) {
    parameters = parameters_of(model);
    moments = moments_of(*running);
    steps_done = report.step;
    BOOST_TEST(std::isfinite(report.loss));
    for (auto const value : parameters) BOOST_TEST_REQUIRE(std::isfinite(value));
  };
  Trainer trainer{model, AdamW{.learning_rate = 9e5}, options};
  running = &trainer;
  BOOST_CHECK_EXCEPTION(trainer.fit(batches), NumericError, [&](NumericError const& error) {
    return says(message("trainer: step ", steps_done + 1, ": the loss is "))(error) &&
           says("weights are as before this step; try a lower learning rate")(error);
  });
  BOOST_TEST(steps_done > 0);
  BOOST_TEST(trainer.steps_done() == steps_done);
  BOOST_TEST(same_bits(parameters_of(model), parameters));
  BOOST_TEST(same_bits(moments_of(trainer), moments));
}

BOOST_AUTO_TEST_CASE(weight_that_is_not_a_number_is_found_before_anything_changes) {
  Model model = make({1});
  FixedBatches batches = uneven_batches(1);
  Trainer trainer{model, AdamW{}, {.steps = 3}};
  trainer.step(batches);
  model.for_each_segment([](std::string const&, auto& segment) {
    segment.values()(0) = std::numeric_limits<double>::infinity();
  });
  auto const parameters = parameters_of(model);
  auto const moments = moments_of(trainer);
  BOOST_CHECK_EXCEPTION(trainer.step(batches), NumericError, says("trainer: step 2: the loss is"));
  BOOST_TEST(same_bits(parameters_of(model), parameters));
  BOOST_TEST(same_bits(moments_of(trainer), moments));
}

BOOST_AUTO_TEST_CASE(trainer_from_before_a_growth_says_so) {
  Model model = make({1});
  FixedBatches batches = uneven_batches(1);
  Trainer trainer{model, AdamW{}, {.steps = 3}};
  trainer.step(batches);
  model.body().grow(1);
  auto const parameters = parameters_of(model);
  BOOST_CHECK_EXCEPTION(trainer.step(batches), MismatchError,
                        says("has grown or frozen since this trainer was made"));
  BOOST_TEST(same_bits(parameters_of(model), parameters));
  BOOST_TEST(batches.handed_out == 1U);
  BOOST_CHECK_NO_THROW((Trainer{model, AdamW{}, {.steps = 1}}.fit(batches)));
}

BOOST_AUTO_TEST_CASE(what_is_frozen_first_in_a_segment_stops_no_gradient_of_the_rest) {
  auto const change_of = [](Model& model, FixedBatches batches) {
    std::map<std::string, std::vector<double>> before, change;
    model.for_each_segment([&](std::string const&, auto& segment) {
      for (auto const& entry : segment.entries())
        for (Index i = 0; i < entry.count; ++i)
          before[entry.name].push_back(segment.values()(entry.offset + i));
    });
    // Without decay and clipping, moments of zero: each element moves by the sign of its own gradient.
    Trainer{model, AdamW{.weight_decay = 0}, {.steps = 1, .clip_norm = 0}}.fit(batches);
    model.for_each_segment([&](std::string const&, auto& segment) {
      for (auto const& entry : segment.entries())
        for (Index i = 0; i < entry.count; ++i)
          change[entry.name].push_back(segment.values()(entry.offset + i) -
                                       before[entry.name][static_cast<std::size_t>(i)]);
    });
    return change;
  };
  Model whole = make({1}), without_norms = make({1});
  auto const is_norm = [](std::string const& name) { return name.find("norm") != name.npos; };
  without_norms.for_each_segment([&](std::string const&, auto& segment) {
    for (auto const& entry : segment.entries())
      if (is_norm(entry.name)) segment.set_trainable(entry.name, false);
  });
  auto const all = change_of(whole, uneven_batches(1));
  auto const rest = change_of(without_norms, uneven_batches(1));
  BOOST_TEST_REQUIRE(rest.size() == all.size());
  for (auto const& [name, values] : rest) {
    if (is_norm(name))
      BOOST_TEST(std::ranges::all_of(values, [](double value) { return value == 0; }), name);
    else
      BOOST_TEST(same_bits(values, all.at(name)), name);
  }
}

BOOST_AUTO_TEST_CASE(model_without_a_trainable_part_is_refused) {
  Model model = make({1});
  model.body().freeze();
  model.for_each_segment([](std::string const&, auto& segment) { segment.set_trainable(false); });
  BOOST_CHECK_EXCEPTION((Trainer{model, AdamW{}}), ValueError,
                        says("nothing in the model is trainable"));
}

BOOST_AUTO_TEST_CASE(stop_token_ends_after_a_whole_step) {
  Model model = make({1}), same = make({1});
  FixedBatches batches = uneven_batches(2), same_batches = uneven_batches(2);
  std::stop_source source;
  TrainerOptions options{.steps = 10, .schedule = constant};
  Trainer twin{same, AdamW{}, options};
  options.on_step = [&](StepReport const& report) {
    if (report.step == 3) source.request_stop();
  };
  Trainer trainer{model, AdamW{}, options};
  FitResult const result = trainer.fit(batches, source.get_token());
  BOOST_TEST(result.stopped);
  BOOST_TEST(result.steps == 3);
  for (int i = 0; i < 3; ++i) twin.step(same_batches);
  BOOST_TEST(same_bits(parameters_of(model), parameters_of(same)));

  FitResult const rest = trainer.fit(batches);  // goes on where it stopped
  BOOST_TEST(!rest.stopped);
  BOOST_TEST(rest.steps == 10);
  twin.fit(same_batches);
  BOOST_TEST(same_bits(parameters_of(model), parameters_of(same)));
}

BOOST_AUTO_TEST_CASE(validation_runs_every_so_many_steps_and_at_the_end) {
  Model model = make({1});
  FixedBatches batches = uneven_batches(1);
  Index calls = 0;
  std::vector<Index> validated;
  TrainerOptions const options{
      .steps = 7,
      .validate_every = 3,
      .validate = [&] { return static_cast<double>(++calls); },
      .on_step =
          [&](StepReport const& report) {
            if (!report.validation_loss) return;
            validated.push_back(report.step);
            BOOST_TEST(*report.validation_loss == static_cast<double>(calls));
          }};
  Trainer{model, AdamW{}, options}.fit(batches);
  BOOST_TEST(validated == (std::vector<Index>{3, 6, 7}), boost::test_tools::per_element());
  BOOST_TEST(calls == 3);
}

BOOST_AUTO_TEST_CASE(batches_of_another_size_may_follow) {
  Model model = make({1});
  FixedBatches small = uneven_batches(2), large = joined(small);
  Trainer trainer{model, AdamW{}, {.steps = 9}};
  BOOST_TEST(trainer.step(small).tokens == 10);
  BOOST_TEST(trainer.step(large).tokens == 17);
  BOOST_TEST(trainer.step(small).tokens == 7);
}

BOOST_AUTO_TEST_CASE(settings_that_cannot_be_meant_are_refused) {
  Model model = make({1});
  BOOST_CHECK_EXCEPTION((Trainer{model, AdamW{.learning_rate = -1}}), ValueError,
                        says("AdamW: learning_rate"));
  BOOST_CHECK_EXCEPTION((Trainer{model, AdamW{}, {.steps = -1}}), ValueError,
                        says("trainer: steps"));
  BOOST_CHECK_EXCEPTION((Trainer{model, AdamW{}, {.accumulation = 0}}), ValueError,
                        says("accumulation at least 1"));
  BOOST_CHECK_EXCEPTION((Trainer{model, AdamW{}, {.clip_norm = -1}}), ValueError,
                        says("clip_norm"));
  BOOST_CHECK_EXCEPTION((Trainer{model, AdamW{}, {.clip_norm = std::nan("")}}), ValueError,
                        says("clip_norm"));

  FixedBatches nothing{.batch_size = 1,
                       .length = 2,
                       .inputs = {{1, 2}},
                       .targets = {{ignored_target, ignored_target}}};
  Trainer trainer{model, AdamW{}};
  BOOST_CHECK_EXCEPTION(trainer.step(nothing), ValueError, says("trainer: step 1 has no targets"));
}

BOOST_AUTO_TEST_SUITE_END()
