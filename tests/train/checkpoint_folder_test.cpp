#include <accrete/train/checkpoint_folder.hpp>

#include <sys/wait.h>
#include <unistd.h>

#include <cmath>
#include <limits>
#include <string>
#include <vector>

#include <boost/test/unit_test.hpp>

#include "support/all_close.hpp"
#include "support/changed_bits.hpp"
#include "support/error_text.hpp"
#include "support/failing_file_calls.hpp"
#include "support/killing_file_calls.hpp"
#include "support/models.hpp"
#include "support/scratch_folder.hpp"

using namespace accrete;
using namespace accrete_test;

BOOST_AUTO_TEST_SUITE(checkpoint_folder)

namespace {

constexpr Index vocabulary = 23;

CpuModel make(Index blocks) {
  CpuModel model{
      Cpu(1),
      random_substrate(vocabulary, 8),
      {.planned_depth = 3, .block = {.model_dim = 16, .head_count = 2, .hidden_dim = 24}}};
  if (blocks > 0) model.body().grow(blocks);
  return model;
}

/// A checkpoint all of whose parameters are the number of its step.
void save_step(CpuModel& model, CheckpointFolder& folder, Index step,
               std::optional<double> loss = {}) {
  model.for_each_segment([&](std::string const&, auto& segment) {
    std::ranges::fill(segment.values().span(), static_cast<float>(step));
  });
  folder.save(CheckpointWriter{model}, step, loss);
}

/// Whether the file is whole and that of its step.
bool is_of_its_step(KeptCheckpoint const& checkpoint) {
  CpuModel model = make(0);
  CheckpointReader(checkpoint.path).restore(model);
  bool same = true;
  detail::for_each_model_entry(model, [&](std::string const&, auto& segment, auto const& entry) {
    for (float const value : detail::run_of(segment.values(), entry).span())
      same = same && value == static_cast<float>(checkpoint.step);
  });
  return same;
}

std::vector<Index> steps_in(CheckpointFolder const& folder) {
  std::vector<Index> steps;
  for (auto const& checkpoint : folder.all()) steps.push_back(checkpoint.step);
  return steps;
}

std::set<std::string> names_of(std::vector<Index> const& steps) {
  std::set<std::string> names;
  for (Index const step : steps)
    names.insert("step-0000000" + std::to_string(step) + ".safetensors");
  return names;
}

}  // namespace

BOOST_AUTO_TEST_CASE(the_last_ones_and_the_best_are_kept) {
  CpuModel model = make(1);
  std::vector<double> const losses{3, 1, 2, 1, 5, 4, 6, 7};
  for (bool const background : {false, true}) {
    ScratchFolder const folder;
    CheckpointFolder checkpoints(folder.path(),
                                 {.keep_last = 2, .keep_best = 2, .background = background});
    BOOST_TEST(!checkpoints.latest());
    BOOST_TEST(!checkpoints.best());
    std::vector<std::vector<Index>> const kept{{1},       {1, 2},       {2, 3},       {2, 3, 4},
                                               {2, 4, 5}, {2, 4, 5, 6}, {2, 4, 6, 7}, {2, 4, 7, 8}};
    for (std::size_t i = 0; i < losses.size(); ++i) {
      save_step(model, checkpoints, static_cast<Index>(i + 1), losses[i]);
      BOOST_TEST(steps_in(checkpoints) == kept[i], boost::test_tools::per_element());
      BOOST_TEST((folder.names() == names_of(kept[i])));
      BOOST_TEST(checkpoints.latest()->step == static_cast<Index>(i + 1));
      BOOST_TEST(checkpoints.best()->step == (i == 0 ? 1 : 2));
    }
    for (auto const& checkpoint : checkpoints.all()) BOOST_TEST(is_of_its_step(checkpoint));
    CheckpointFolder const again(folder.path());  // the files say it all
    BOOST_TEST(steps_in(again) == kept.back(), boost::test_tools::per_element());
    BOOST_TEST(again.best()->step == 2);
    BOOST_TEST(again.best()->validation_loss.value() == 1);
    BOOST_TEST(again.latest()->path == checkpoints.path_of(8));
  }
}

BOOST_AUTO_TEST_CASE(without_losses_the_last_ones_are_kept) {
  ScratchFolder const folder;
  CpuModel model = make(1);
  CheckpointFolder checkpoints(folder / "new/folder", {.keep_last = 1});
  save_step(model, checkpoints, 0, std::nan(""));
  save_step(model, checkpoints, 1, std::numeric_limits<double>::infinity());
  save_step(model, checkpoints, 2);
  BOOST_TEST(steps_in(checkpoints) == std::vector<Index>{2}, boost::test_tools::per_element());
  BOOST_TEST(!checkpoints.best());
  save_step(model, checkpoints, 3, 0.5);
  save_step(model, checkpoints, 3);  // again: it keeps its loss
  save_step(model, checkpoints, 4, 0.75);
  BOOST_TEST(steps_in(checkpoints) == (std::vector<Index>{3, 4}), boost::test_tools::per_element());
  BOOST_TEST(checkpoints.best()->step == 3);
}

BOOST_AUTO_TEST_CASE(files_of_other_names_are_left_alone) {
  ScratchFolder const folder;
  std::vector<std::string> const others{"step-1.safetensors",          "step-000000001.safetensors",
                                        "step-00000001.safetensors.1", "step-0000000a.safetensors",
                                        "step--0000001.safetensors",   "xstep-00000001.safetensors",
                                        "step-00000001.json",          "step-.safetensors"};
  for (auto const& name : others) put_file(folder / name, "something");
  CpuModel model = make(1);
  CheckpointFolder checkpoints(folder.path(), {.keep_last = 1});
  for (Index step : {1, 2, 3}) save_step(model, checkpoints, step);
  auto expected = names_of({3});
  expected.insert(others.begin(), others.end());
  BOOST_TEST((folder.names() == expected));
  put_file(folder / "step-00000009.safetensors", "something");
  BOOST_CHECK_EXCEPTION(CheckpointFolder(folder.path()), FileError,
                        says("step-00000009.safetensors"));
}

BOOST_AUTO_TEST_CASE(a_save_in_the_background_is_of_its_moment_and_resumes_to_the_bit) {
  ScratchFolder const folder;
  CpuModel model = make(2), resumed = make(0), straight = make(2);
  auto batches = random_batches(vocabulary, 2, 5), others = batches, straight_batches = batches;
  CheckpointFolder checkpoints(folder.path(), {.background = true});
  Trainer<CpuModel> trainer{model, AdamW{}, {.steps = 9}};
  for (Index step = 1; step <= 9; ++step) {
    trainer.step(batches);
    if (step == 5 || step == 7)
      checkpoints.save(CheckpointWriter{model}.with(trainer).with(batches), step);
  }
  Trainer{straight, AdamW{}, {.steps = 9}}.fit(straight_batches);
  CheckpointReader const file(checkpoints.latest()->path);
  file.restore(resumed);
  Trainer rest{resumed, AdamW{}, {.steps = 9}};
  file.restore(rest);
  file.restore(others);
  BOOST_TEST(rest.steps_done() == 7);
  rest.fit(others);
  BOOST_TEST(same_bits(parameters_of(resumed), parameters_of(straight)));
  BOOST_TEST(same_bits(parameters_of(model), parameters_of(straight)));
}

BOOST_AUTO_TEST_CASE(a_snapshot_makes_the_file_that_saving_makes) {
  ScratchFolder const folder;
  CpuModel model = make(2);
  auto batches = random_batches(vocabulary, 2, 5);
  Trainer trainer{model, AdamW{}, {.steps = 2}};
  CheckpointSnapshot snapshot;
  for (int i = 0; i < 2; ++i) {
    trainer.step(batches);
    auto const writer = CheckpointWriter{model}.with(trainer).with(batches);
    writer.save(folder / "direct");
    snapshot = writer.snapshot(std::move(snapshot));
    snapshot.save(folder / "snapshot");
    BOOST_TEST((read_file(folder / "direct", 1 << 24) == read_file(folder / "snapshot", 1 << 24)));
  }
  BOOST_TEST(snapshot.size_in_bytes() < std::filesystem::file_size(folder / "direct"));
}

BOOST_AUTO_TEST_CASE(errors_in_the_background_come_with_the_next_save_or_at_the_end) {
  ScratchFolder const folder;
  CpuModel model = make(1);
  CheckpointFolder checkpoints(folder.path(), {.keep_last = 1, .background = true});
  save_step(model, checkpoints, 1);
  checkpoints.finish();
  auto const fail = [&](Index step) {
    file_calls().fsync = [](int) {
      errno = EIO;
      return -1;
    };
    save_step(model, checkpoints, step);
    BOOST_TEST(checkpoints.latest()->step == 1);  // and it waits
    file_calls() = posix_file_calls();
  };
  fail(2);
  BOOST_CHECK_EXCEPTION(save_step(model, checkpoints, 3), FileError,
                        says("step-00000002.safetensors", "Input/output error"));
  fail(3);
  BOOST_CHECK_EXCEPTION(checkpoints.finish(), FileError, says("step-00000003.safetensors"));
  BOOST_CHECK_NO_THROW(checkpoints.finish());
  BOOST_TEST((folder.names() == names_of({1})));
  save_step(model, checkpoints, 4);
  checkpoints.finish();
  BOOST_TEST((folder.names() == names_of({4})));
}

BOOST_AUTO_TEST_CASE(whatever_call_fails_the_latest_and_the_best_are_whole) {
  for (FileFault const fault : {FileFault::no_space, FileFault::io_error}) {
    int failures = 0;
    for (int call = 0; call < 40; ++call) {
      ScratchFolder const folder;
      CpuModel model = make(1);
      CheckpointFolder checkpoints(folder.path(), {.keep_last = 1});
      save_step(model, checkpoints, 1, 1.0);
      save_step(model, checkpoints, 2, 2.0);
      bool failed = false;
      {
        FailingFileCalls const failing(call, fault);
        try {
          save_step(model, checkpoints, 3, 3.0);
        } catch (FileError const&) {
          failed = true;
          ++failures;
        }
        if (FailingFileCalls::calls() <= call) break;
      }
      CheckpointFolder const again(folder.path());
      BOOST_TEST((failed || again.latest()->step == 3));
      BOOST_TEST(again.best()->step == 1);
      for (auto const& checkpoint : again.all()) BOOST_TEST(is_of_its_step(checkpoint));
      // What could not be removed goes with the next save.
      save_step(model, checkpoints, 4, 4.0);
      if (!failed) BOOST_TEST((folder.names() == names_of({1, 4})));
    }
    BOOST_TEST(failures > 5);
  }
}

BOOST_AUTO_TEST_CASE(kill_at_any_call_of_four_saves_leaves_the_latest_and_the_best_whole) {
  std::vector<double> const losses{2, 1, 3, 4};
  CpuModel model = make(1);
  int kills = 0;
  for (Strike const strike : {Strike::before, Strike::after})
    for (int call = 0;; ++call) {
      ScratchFolder const folder;
      Diary::shared().saved = 0;
      ::pid_t const child = ::fork();
      BOOST_REQUIRE(child >= 0);
      if (child == 0) {
        try {
          CheckpointFolder checkpoints(folder.path(), {.keep_last = 1});
          KillingFileCalls::install(call, strike);
          for (int i = 0; i < 4; ++i) {
            save_step(model, checkpoints, i + 1, losses[static_cast<std::size_t>(i)]);
            Diary::shared().saved = i + 1;
          }
        } catch (...) {
        }
        ::_exit(3);
      }
      int status = 0;
      BOOST_REQUIRE(::waitpid(child, &status, 0) == child);
      CheckpointFolder checkpoints(folder.path(), {.keep_last = 1});
      Index const saved = Diary::shared().saved;
      Index const found = checkpoints.latest() ? checkpoints.latest()->step : 0;
      BOOST_TEST((found == saved || found == saved + 1));
      if (found > 0) BOOST_TEST(checkpoints.best()->step == (found == 1 ? 1 : 2));
      for (auto const& checkpoint : checkpoints.all()) BOOST_TEST(is_of_its_step(checkpoint));
      file_calls().fsync = [](int) { return 0; };  // no need to wait for the disk
      save_step(model, checkpoints, 9, 9.0);
      file_calls() = posix_file_calls();
      BOOST_TEST((folder.names() == (found == 0   ? names_of({9})
                                     : found == 1 ? names_of({1, 9})
                                                  : names_of({2, 9}))));
      if (WIFEXITED(status)) break;
      ++kills;
    }
  BOOST_TEST_MESSAGE(kills << " kills");
  BOOST_TEST(kills > 80);
}

BOOST_AUTO_TEST_CASE(what_cannot_be_meant_is_refused) {
  ScratchFolder const folder;
  BOOST_CHECK_EXCEPTION(CheckpointFolder(folder.path(), {.keep_last = 0}), ValueError,
                        says("keep_last must be at least 1"));
  BOOST_CHECK_THROW(CheckpointFolder(folder.path(), {.keep_best = -1}), ValueError);
  put_file(folder / "file", "something");
  BOOST_CHECK_EXCEPTION(CheckpointFolder(folder / "file"), FileError, says("file"));
  CpuModel model = make(1);
  CheckpointFolder checkpoints(folder.path());
  save_step(model, checkpoints, 5);
  BOOST_CHECK_EXCEPTION(save_step(model, checkpoints, 4), ValueError,
                        says("step 4 is not after all others", "step-00000005.safetensors away"));
  BOOST_CHECK_THROW(save_step(model, checkpoints, -1), ValueError);
}

BOOST_AUTO_TEST_SUITE_END()
