#include <accrete/train/growth_plan_check.hpp>
#include <accrete/train/part_counts.hpp>

#include <boost/test/unit_test.hpp>
#include <cmath>
#include <limits>
#include <set>

#include "../../examples/study/cells.hpp"
#include "../../examples/study/statistics.hpp"

using namespace study;

BOOST_AUTO_TEST_SUITE(study_cells)

BOOST_AUTO_TEST_CASE(every_cell_has_a_name_of_its_own_and_stands_behind_what_it_needs) {
  for (Scale const& scale : all_scales()) {
    std::set<std::string> names;
    for (Cell const& cell : all_cells(scale)) {
      if (cell.task == Task::merge)
        for (Diet const diet : {Diet::first, Diet::second})
          BOOST_TEST(names.contains(cell.expert(diet).name()));
      BOOST_TEST(names.insert(cell.name()).second, cell.name());
    }
  }
}

BOOST_AUTO_TEST_CASE(small_has_the_seeds_that_intervals_need) {
  std::map<std::string, int> seeds;
  for (Cell cell : all_cells(scale_called("small"))) {
    cell.seed = 0;
    ++seeds[cell.name()];
  }
  for (std::string const name :
       {"glyph-grown-0", "glyph-monolithic-0", "learned-grown-0", "learned-monolithic-0",
        "glyph-grown+zero-0", "glyph-merge-0", "learned-merge-0", "glyph-union-0"})
    BOOST_TEST(seeds[name] == 5, name);
  for (std::string const name : {"16-bit-grown-0", "16-bit-grown+lora-0", "code-monolithic-0",
                                 "learned-grown+lora-0", "16-bit-merge-0", "glyph-cache-0"})
    BOOST_TEST(seeds[name] == 3, name);
}

BOOST_AUTO_TEST_CASE(all_protocols_train_as_many_blocks_on_as_many_tokens) {
  for (Scale const& scale : all_scales()) {
    for (Cell const& cell : all_cells(scale)) {
      if (cell.task == Task::merge || cell.task == Task::cache) continue;
      auto const plan =
          accrete::complete_plan(plan_of(cell, scale), scale.vocabulary, scale.substrate_width);
      Index steps = 0;
      for (auto const& stage : plan.stages)
        steps += stage.budget.amount + (stage.lora ? stage.lora->budget.amount : 0);
      BOOST_TEST(plan.depth() == 3 * scale.stage_blocks);
      BOOST_TEST(steps == 3 * scale.stage_steps * (cell.task == Task::union_run ? 2 : 1));
      if (scale.name == "small") BOOST_TEST(steps * plan.training.tokens_per_step() >= 1'000'000);
    }
  }
}

BOOST_AUTO_TEST_SUITE_END()

BOOST_AUTO_TEST_SUITE(study_statistics)

BOOST_AUTO_TEST_CASE(intervals_are_those_of_students_t) {
  auto const found = estimate({1, 2, 3, 4, 5});
  BOOST_TEST(found.mean == 3.0);
  BOOST_TEST(std::abs(found.half_width - 2.776 * std::sqrt(2.5 / 5)) < 1e-12);
  BOOST_TEST(std::isinf(estimate({7}).half_width));
  BOOST_TEST(std::isnan(estimate({}).mean));
}

BOOST_AUTO_TEST_CASE(a_median_leaves_out_what_was_not_made) {
  double const none = std::numeric_limits<double>::quiet_NaN();
  BOOST_TEST(median({9, none, 1, 2}) == 2);
  BOOST_TEST(median({4, 1, none, 2, 90}) == 3);
  BOOST_TEST(std::isnan(median({none})));
}

BOOST_AUTO_TEST_CASE(what_is_common_to_a_pair_cancels) {
  auto const difference = paired_difference({10.1, 20.1, 30.1}, {10, 20, 30});
  BOOST_TEST(std::abs(difference.mean - 0.1) < 1e-12);
  BOOST_TEST(difference.half_width < 1e-12);
}

BOOST_AUTO_TEST_CASE(seeds_that_one_side_lacks_are_in_no_pair) {
  double const none = std::numeric_limits<double>::quiet_NaN();
  auto const difference = paired_difference({10.1, none, 30.1, 40.1}, {10, 20, 30, none});
  BOOST_TEST(difference.count == 2U);
  BOOST_TEST(std::abs(difference.mean - 0.1) < 1e-12);
}

BOOST_AUTO_TEST_SUITE_END()
