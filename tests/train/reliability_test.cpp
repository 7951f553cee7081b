// What checkpoints promise when things go wrong, one claim after the other. docs/explanation/reliability.md says how to
// run them longer.
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <map>
#include <random>
#include <set>
#include <string>
#include <thread>

#include <boost/test/unit_test.hpp>

#include "support/all_close.hpp"
#include "support/changed_bits.hpp"
#include "support/error_text.hpp"
#include "support/failing_file_calls.hpp"
#include "support/killing_file_calls.hpp"
#include "support/models.hpp"
#include "support/recorded_file_calls.hpp"
#include "support/scratch_folder.hpp"

using namespace accrete;
using namespace accrete_test;

BOOST_AUTO_TEST_SUITE(reliability)

namespace {

using Model = CpuModel;

constexpr Index vocabulary = 23;
constexpr BlockConfig narrow{.model_dim = 16, .head_count = 2, .hidden_dim = 24};
/// Its checkpoint is written in several calls.
constexpr BlockConfig wide{.model_dim = 48, .head_count = 2, .hidden_dim = 144};

Model make(std::vector<Index> const& stages, BlockConfig const& block) {
  Model model{Cpu(1), random_substrate(vocabulary, 8), {.planned_depth = 3, .block = block}};
  for (Index const blocks : stages) model.body().grow(blocks);
  return model;
}

/// How often something random is tried: the variable of the environment, or `usual`.
int rounds(char const* variable, int usual) {
  char const* const text = std::getenv(variable);
  return text == nullptr ? usual : std::atoi(text);
}

/// A checkpoint with this number, which is also the value of all its parameters.
void save_number(Model& model, int number, std::filesystem::path const& path) {
  model.for_each_segment([&](std::string const&, auto& segment) {
    std::ranges::fill(segment.values().span(), static_cast<float>(number));
  });
  CheckpointWriter{model}.with_extra(Json(number)).save(path);
}

/// How many calls saving takes when none fails.
int calls_of_a_save(Model& model, std::filesystem::path const& path) {
  FailingFileCalls const counting;
  save_number(model, 0, path);
  return FailingFileCalls::calls();
}

/// The number, once the whole file has been read and all of it is what was saved under this number.
int load_number(Model& model, std::filesystem::path const& path) {
  CheckpointReader const checkpoint(path);
  int const number = static_cast<int>(checkpoint.extra().as_int());
  checkpoint.restore(model);
  bool is_whole = true;
  detail::for_each_model_entry(model, [&](std::string const&, auto& segment, auto const& entry) {
    for (float const value : detail::run_of(segment.values(), entry).span())
      is_whole = is_whole && value == static_cast<float>(number);
  });
  BOOST_REQUIRE(is_whole);
  return number;
}

std::set<std::string> const checkpoint_alone{"checkpoint.safetensors"};

/// A child process that saves checkpoints 1, 2, ... over checkpoint 0 until it is killed.
class Saver {
 public:
  Saver(Model& model, std::filesystem::path const& path, int fatal_call = KillingFileCalls::never,
        Strike strike = Strike::before) {
    Diary::shared().saved = 0;
    Diary::shared().phase = FilePhase::computing;
    child_ = ::fork();
    BOOST_REQUIRE(child_ >= 0);
    if (child_ != 0) return;
    try {
      KillingFileCalls::install(fatal_call, strike);
      for (int number = 1;; ++number) {
        save_number(model, number, path);
        Diary::shared().saved = number;
      }
    } catch (...) {
    }
    ::_exit(3);
  }
  /// Waits for the end, which must be the killer's.
  void wait() const {
    int status = 0;
    BOOST_REQUIRE(::waitpid(child_, &status, 0) == child_);
    BOOST_REQUIRE((WIFSIGNALED(status) && WTERMSIG(status) == SIGKILL));
  }
  void kill() const { ::kill(child_, SIGKILL); }

 private:
  ::pid_t child_ = -1;
};

/// After a kill: the checkpoint is the last that was saved, or the one that was about to be, and the next save removes
/// what was left.
void check_after_kill(Model& model, std::filesystem::path const& path,
                      ScratchFolder const& folder) {
  int const saved = Diary::shared().saved;
  int const found = load_number(model, path);
  BOOST_TEST((found == saved || found == saved + 1));
  file_calls().fsync = [](int) { return 0; };  // nothing fails now: no need to wait for the disk
  save_number(model, 0, path);
  file_calls() = posix_file_calls();
  BOOST_TEST((folder.names() == checkpoint_alone));
}

}  // namespace

BOOST_AUTO_TEST_CASE(any_changed_bit_of_a_checkpoint_is_found_when_it_is_loaded) {
  ScratchFolder const folder;
  auto const path = folder / "checkpoint.safetensors";
  Model model = make({1, 1}, narrow);
  Batches batches = random_batches(vocabulary, 2, 5);
  TrainerOptions const options{.steps = 2};
  {
    Trainer trainer{model, AdamW{}, options};
    trainer.fit(batches);
    CheckpointWriter{model}.with(trainer).with(batches).with_extra(Json("more")).save(path);
  }
  Trainer trainer{model, AdamW{}, options};
  auto const load = [&](Verify verify) {
    CheckpointReader const checkpoint(path, verify);
    checkpoint.restore(model);
    checkpoint.restore(trainer);
    checkpoint.restore(batches);
  };
  BOOST_CHECK_NO_THROW(load(Verify::yes));

  std::string const content = read_file(path, 1 << 24);
  std::size_t const hashes = content.find(SafetensorsHashes::metadata_key);
  std::size_t const text_end = content.find("\"parameter.");
  std::size_t const data =
      std::filesystem::file_size(path) - SafetensorsReader(path).tensors().back().end;
  std::array<std::pair<std::size_t, std::size_t>, 6> const regions{{{0, 8},
                                                                    {8, hashes},
                                                                    {hashes, hashes + 500},
                                                                    {hashes, text_end},
                                                                    {text_end, data},
                                                                    {data, content.size()}}};
  std::mt19937_64 random(5);
  int const flips = rounds("ACCRETE_TEST_FLIPS", 600);
  int found = 0;
  for (int i = 0; i < flips; ++i) {
    // Half of them anywhere, half of them in one region after the other.
    auto const [begin, end] = i % 2 == 0
                                  ? std::pair{std::size_t{0}, content.size()}
                                  : regions[static_cast<std::size_t>(i) / 2 % regions.size()];
    std::size_t const byte = begin + random() % (end - begin);
    unsigned const bit = static_cast<unsigned>(random() % 8);
    ChangedBit const change(path, byte, bit);
    BOOST_TEST_CONTEXT("bit " << bit << " of byte " << byte) {
      try {
        load(Verify::yes);
        BOOST_ERROR("it was not found");
      } catch (FileError const& error) {
        ++found;
        BOOST_TEST(says(path.string())(error));
      }
    }
  }
  BOOST_TEST_MESSAGE(found << " of " << flips << " changed bits found");

  ChangedBit const change(path, content.size() - 2, 0);
  BOOST_CHECK_EXCEPTION(
      load(Verify::yes), FileError,
      says("tensor \"second_moment.", "does not have the SHA-256", "--no-verify"));
  BOOST_CHECK_EXCEPTION(CheckpointReader(path).verify(), FileError,
                        says("does not have the SHA-256"));
  BOOST_CHECK_NO_THROW(load(Verify::no));
}

BOOST_AUTO_TEST_CASE(checkpoints_from_before_there_were_hashes_are_read) {
  ScratchFolder const folder;
  Model model = make({1}, narrow);
  CheckpointWriter{model}.save(folder / "new");
  SafetensorsReader const reader(folder / "new");
  auto metadata = reader.metadata();
  auto const write = [&](char const* version) {
    metadata["format_version"] = version;
    SafetensorsWriter writer;
    writer.set_metadata(metadata);
    for (auto const& tensor : reader.tensors())
      writer.declare(tensor.name, tensor.dtype, tensor.shape);
    writer.open(folder / "old");
    for (auto const& tensor : reader.tensors())
      writer.write(tensor.name, reader.read_vector<float>(tensor.name));
    writer.commit();
  };
  write("1");
  Model other = make({}, narrow);
  BOOST_CHECK_NO_THROW(CheckpointReader(folder / "old").restore(other));
  BOOST_TEST(same_bits(parameters_of(other), parameters_of(model)));
  write("2");
  BOOST_CHECK_EXCEPTION(CheckpointReader(folder / "old"), FileError, says("has lost the hashes"));
  BOOST_CHECK_NO_THROW(CheckpointReader(folder / "old", Verify::no));
}

BOOST_AUTO_TEST_CASE(whatever_call_fails_is_named_and_leaves_a_whole_checkpoint) {
  ScratchFolder const folder;
  auto const path = folder / "checkpoint.safetensors";
  Model model = make({1, 2}, wide), loaded = make({}, wide);
  int const calls = calls_of_a_save(model, path);
  save_number(model, 1, path);
  std::string const before = read_file(path, 1 << 24);
  BOOST_TEST(calls >= 12);
  for (FileFault const fault : {FileFault::no_space, FileFault::io_error, FileFault::interrupted,
                                FileFault::short_call, FileFault::no_descriptors}) {
    int failures = 0;
    for (int call = 0; call < calls; ++call) {
      bool failed = false;
      {
        FailingFileCalls const failing(call, fault);
        try {
          save_number(model, 2, path);
        } catch (FileError const& error) {
          failed = true;
          BOOST_TEST(says(folder.path().string())(error));
          BOOST_TEST(says(fault == FileFault::no_space         ? "No space left on device"
                          : fault == FileFault::no_descriptors ? "Too many open files"
                                                               : "Input/output error")(error));
        }
      }
      // Only the sync of the folder can fail when the new checkpoint is in its place.
      int const number = load_number(loaded, path);
      BOOST_TEST((number == 2 || failed));
      failures += failed ? 1 : 0;
      BOOST_TEST((folder.names() == checkpoint_alone));
      put_file(path, before);
    }
    BOOST_TEST_MESSAGE(calls << " calls, " << failures << " errors");
    switch (fault) {
      case FileFault::no_space:
      case FileFault::io_error:
        BOOST_TEST(failures ==
                   calls - 3);  // asking for free space, locking the temporary file and closing
                                // the folder are not needed
        break;
      case FileFault::no_descriptors:
        BOOST_TEST(failures == 2);  // of the file, of the folder
        break;
      default:
        BOOST_TEST(failures == 0);
    }
  }
}

BOOST_AUTO_TEST_CASE(kill_at_any_call_of_a_save_leaves_a_whole_checkpoint) {
  ScratchFolder const folder;
  auto const path = folder / "checkpoint.safetensors";
  Model model = make({1, 2}, wide);
  save_number(model, 0, path);
  int const calls = calls_of_a_save(model, path);
  for (Strike const strike : {Strike::before, Strike::after})
    for (int call = 0; call < calls + 2; ++call) BOOST_TEST_CONTEXT("call " << call) {
        Saver(model, path, call, strike).wait();
        BOOST_TEST(Diary::shared().saved == (call < calls ? 0 : 1));
        check_after_kill(model, path, folder);
      }
}

BOOST_AUTO_TEST_CASE(kill_at_any_time_leaves_a_whole_checkpoint) {
  ScratchFolder const folder;
  auto const path = folder / "checkpoint.safetensors";
  Model model = make({1, 2}, wide);
  auto const start = std::chrono::steady_clock::now();
  for (int i = 0; i < 8; ++i) save_number(model, 0, path);
  std::chrono::duration<double, std::micro> const eight_saves =
      std::chrono::steady_clock::now() - start;
  std::map<std::string_view, int> phases;
  std::mt19937_64 random(7);
  int const kills = rounds("ACCRETE_TEST_KILLS", 100);
  int most_saved = 0;
  for (int i = 0; i < kills; ++i) {
    Saver const saver(model, path);
    std::this_thread::sleep_for(std::uniform_real_distribution<>(0, 0.25)(random) * eight_saves);
    saver.kill();
    saver.wait();
    ++phases[file_phase_names[static_cast<std::size_t>(Diary::shared().phase.load())]];
    most_saved = std::max(most_saved, Diary::shared().saved.load());
    check_after_kill(model, path, folder);
  }
  for (auto const& [phase, count] : phases) BOOST_TEST_MESSAGE(phase << ": " << count);
  BOOST_TEST(most_saved > 0);
}

BOOST_AUTO_TEST_CASE(power_cut_at_any_time_leaves_a_whole_checkpoint) {
  ScratchFolder const folder;
  std::string const name = "checkpoint.safetensors";
  auto const path = folder / name;
  Model model = make({1, 2}, wide), loaded = make({}, wide);
  save_number(model, 1, path);
  DiskState const before{{name, read_file(path, 1 << 24)}};
  std::vector<DiskOperation> operations;
  {
    RecordedFileCalls const recording;
    save_number(model, 2, path);
    operations = RecordedFileCalls::operations();
  }
  std::string const after = read_file(path, 1 << 24);
  int const per_prefix = rounds("ACCRETE_TEST_POWER_CUTS", 75);

  struct Counts {
    int states = 0, old_ones = 0, new_ones = 0, damaged = 0;
  };
  auto const cut = [&](std::vector<DiskOperation> const& done) {
    std::mt19937_64 random(3);
    Counts counts;
    for (std::size_t prefix = 0; prefix <= done.size(); ++prefix)
      for (int i = 0; i < per_prefix; ++i) {
        unsigned const chance = i == 0 ? 0 : i == 1 ? 100 : i % 2 == 0 ? 50 : 97;
        DiskState const state = after_power_cut(before, done, prefix, chance, random);
        ++counts.states;
        put_file(path, state.at(name));
        try {
          int const number = load_number(loaded, path);
          BOOST_TEST((state.at(name) == (number == 1 ? before.at(name) : after)));
          ++(number == 1 ? counts.old_ones : counts.new_ones);
          if (prefix == done.size()) BOOST_TEST(number == 2);  // the save has returned
        } catch (FileError const&) {
          ++counts.damaged;
        }
      }
    return counts;
  };
  Counts const counts = cut(operations);
  BOOST_TEST_MESSAGE(operations.size() << " operations, " << counts.states << " states: "
                                       << counts.old_ones << " old, " << counts.new_ones << " new");
  BOOST_TEST(counts.states >= 500);
  BOOST_TEST(counts.damaged == 0);
  BOOST_TEST(counts.old_ones > 0);
  BOOST_TEST(counts.new_ones > 0);

  // Had nobody waited for the file's bytes, the damage would be there, and the hashes would find it.
  std::erase_if(operations, [](DiskOperation const& operation) {
    return operation.kind == DiskOperation::Kind::sync;
  });
  int const states_damaged = [&] {
    std::mt19937_64 random(3);
    DiskState const state = after_power_cut(before, operations, operations.size(), 50, random);
    put_file(path, state.at(name));
    try {
      static_cast<void>(load_number(loaded, path));
    } catch (FileError const&) {
      return 1;
    }
    return 0;
  }();
  BOOST_TEST(states_damaged == 1);
}

BOOST_AUTO_TEST_SUITE_END()
