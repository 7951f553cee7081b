/// The checkpoints of one run: the last ones and the best, written beside the training if so wished.
#pragma once

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <filesystem>
#include <future>
#include <optional>
#include <string>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <accrete/io/folder_names.hpp>
#include <accrete/train/checkpoint.hpp>

ACCRETE_BEGIN_NAMESPACE

struct CheckpointFolderOptions {
  Index keep_last = 2;      ///< checkpoints, at least 1
  Index keep_best = 1;      ///< besides them, those with the lowest validation losses
  bool background = false;  ///< `save` copies; a thread hashes and writes the copy
};

/// One of a folder's checkpoints.
struct KeptCheckpoint {
  Index step = 0;
  std::optional<double> validation_loss{};  ///< nats, where one was given
  std::filesystem::path path{};
};

/// Files `step-00001234.safetensors` in a folder:
///
///     CheckpointFolder checkpoints("run/checkpoints", {.keep_last = 3});
///     if (auto const last = checkpoints.latest()) CheckpointReader(last->path).restore(model);
///     checkpoints.save(CheckpointWriter{model}.with(trainer).with(batches), step, validation_loss);
///
/// What is known about them stands in the files alone, so that a process that ends at any moment leaves nothing to
/// repair. Checkpoints that are no longer wanted are removed once the new one is on the disk; the latest never is, nor
/// are files of other names.
///
/// In the background one save at most is on its way: the next waits for it. What goes wrong there is thrown by the next
/// `save`, or by `finish`. It needs memory for one copy of a checkpoint, which it keeps. The folder is one process's
/// (FolderLock), and one thread's.
class CheckpointFolder {
 public:
  /// Makes the folder if there is none. Throws ValueError for settings that cannot be meant, and FileError for a folder
  /// that cannot be read or a file of these names that is no checkpoint or whose header is damaged.
  explicit CheckpointFolder(std::filesystem::path folder, CheckpointFolderOptions options = {});
  CheckpointFolder(CheckpointFolder const&) = delete;
  CheckpointFolder& operator=(CheckpointFolder const&) = delete;
  /// Waits for what is on its way; call `finish` to hear of errors.
  ~CheckpointFolder() { wait(); }

  /// Writes the checkpoint after `step` steps, then removes those that are no longer wanted. Without a loss, that of the
  /// same step stays. Throws FileError, also for the save before it in the background, and ValueError where the folder has
  /// a checkpoint of a later step.
  template <class Model>
  void save(CheckpointWriter<Model> writer, Index step, std::optional<double> validation_loss = {});

  /// Returns when all is on the disk. Throws FileError if it could not be brought there.
  void finish() {
    if (on_its_way_.valid()) on_its_way_.get();
  }

  /// By steps. These wait for what is on its way.
  [[nodiscard]] std::vector<KeptCheckpoint> all() const {
    wait();
    return kept_;
  }
  [[nodiscard]] std::optional<KeptCheckpoint> latest() const {
    wait();
    return kept_.empty() ? std::nullopt : std::optional(kept_.back());
  }
  /// That with the lowest validation loss; of equal ones the first.
  [[nodiscard]] std::optional<KeptCheckpoint> best() const {
    wait();
    auto const ranks = by_loss();
    return ranks.empty() ? std::nullopt : std::optional(kept_[ranks.front()]);
  }

  [[nodiscard]] std::filesystem::path path_of(Index step) const;

 private:
  static constexpr std::string_view name_begin = "step-", name_end = ".safetensors";
  static constexpr std::size_t least_digits = 8;

  [[nodiscard]] static std::optional<Index> step_in(std::string_view name);
  void wait() const {
    if (on_its_way_.valid()) on_its_way_.wait();
  }
  /// Places in `kept_` of those with a loss, the best first.
  [[nodiscard]] std::vector<std::size_t> by_loss() const;
  /// A file has come to be.
  void add(KeptCheckpoint checkpoint);

  std::filesystem::path folder_;
  CheckpointFolderOptions options_;
  std::vector<KeptCheckpoint> kept_;  // by steps; the thread's while a save is on its way
  CheckpointSnapshot snapshot_;
  std::future<void> on_its_way_;
};

inline CheckpointFolder::CheckpointFolder(std::filesystem::path folder,
                                          CheckpointFolderOptions options)
    : folder_(std::move(folder)), options_(options) {
  if (options_.keep_last < 1 || options_.keep_best < 0)
    throw ValueError(
        message("checkpoint folder: keep_last must be at least 1 and keep_best not negative, got ",
                options_.keep_last, " and ", options_.keep_best));
  std::error_code error;
  std::filesystem::create_directories(folder_, error);
  if (error) throw FileError(folder_.string(), "cannot make this folder: " + error.message());
  int const failure = for_each_name_in(folder_, [&](char const* name) {
    auto const step = step_in(name);
    if (!step) return;
    KeptCheckpoint checkpoint{.step = *step, .path = folder_ / name};
    CheckpointReader const file(checkpoint.path);
    if (Json const* const loss = file.state().find("validation_loss"); loss && loss->is_number())
      checkpoint.validation_loss = loss->as_double();
    kept_.push_back(std::move(checkpoint));
  });
  if (failure != 0) detail::fail_with_errno(folder_, "read this folder", failure);
  std::ranges::sort(kept_, {}, &KeptCheckpoint::step);
}

inline std::filesystem::path CheckpointFolder::path_of(Index step) const {
  std::string digits = std::to_string(step);
  if (digits.size() < least_digits) digits.insert(0, least_digits - digits.size(), '0');
  return folder_ / message(name_begin, digits, name_end);
}

inline std::optional<Index> CheckpointFolder::step_in(std::string_view name) {
  if (!name.starts_with(name_begin) || !name.ends_with(name_end)) return std::nullopt;
  std::string_view const digits =
      name.substr(name_begin.size(), name.size() - name_begin.size() - name_end.size());
  Index step = 0;
  auto const [rest, error] = std::from_chars(digits.data(), digits.data() + digits.size(), step);
  bool const is_whole = error == std::errc{} && rest == digits.data() + digits.size() && step >= 0;
  bool const is_padded =
      digits.size() == least_digits || (digits.size() > least_digits && digits.front() != '0');
  return is_whole && is_padded ? std::optional(step) : std::nullopt;
}

inline std::vector<std::size_t> CheckpointFolder::by_loss() const {
  std::vector<std::size_t> places;
  for (std::size_t i = 0; i < kept_.size(); ++i)
    if (kept_[i].validation_loss) places.push_back(i);
  std::ranges::stable_sort(places, {}, [&](std::size_t i) { return *kept_[i].validation_loss; });
  return places;
}

template <class Model>
void CheckpointFolder::save(CheckpointWriter<Model> writer, Index step,
                            std::optional<double> validation_loss) {
  finish();
  if (step < 0 || (!kept_.empty() && step < kept_.back().step))
    throw ValueError(message("checkpoint folder ", folder_.string(), ": step ", step,
                             " is not after all others; take another folder, or move ",
                             kept_.empty() ? folder_.string() : kept_.back().path.string(),
                             " away"));
  if (validation_loss && !std::isfinite(*validation_loss)) validation_loss.reset();
  if (!validation_loss && !kept_.empty() && kept_.back().step == step)
    validation_loss = kept_.back().validation_loss;
  if (validation_loss) writer.with_validation_loss(*validation_loss);
  KeptCheckpoint checkpoint{
      .step = step, .validation_loss = validation_loss, .path = path_of(step)};
  if (!options_.background) {
    writer.save(checkpoint.path);
    return add(std::move(checkpoint));
  }
  snapshot_ = writer.snapshot(std::move(snapshot_));
  on_its_way_ = std::async(std::launch::async, [this, checkpoint = std::move(checkpoint)] {
    snapshot_.save(checkpoint.path);
    add(checkpoint);
  });
}

inline void CheckpointFolder::add(KeptCheckpoint checkpoint) {
  if (!kept_.empty() && kept_.back().step == checkpoint.step) kept_.pop_back();
  kept_.push_back(std::move(checkpoint));
  std::vector<bool> wanted(kept_.size());
  for (std::size_t i = 0; i < kept_.size(); ++i)
    wanted[i] = kept_.size() - i <= static_cast<std::size_t>(options_.keep_last);
  auto const ranks = by_loss();
  for (std::size_t i = 0; i < ranks.size() && i < static_cast<std::size_t>(options_.keep_best); ++i)
    wanted[ranks[i]] = true;
  std::vector<KeptCheckpoint> rest;
  std::error_code ignored;
  for (std::size_t i = 0; i < kept_.size(); ++i) {
    // What cannot be removed now is tried again after the next save.
    bool const is_gone = !wanted[i] && (file_calls().unlink(kept_[i].path.c_str()) == 0 ||
                                        !std::filesystem::exists(kept_[i].path, ignored));
    if (!is_gone) rest.push_back(std::move(kept_[i]));
  }
  kept_ = std::move(rest);
}

ACCRETE_END_NAMESPACE
