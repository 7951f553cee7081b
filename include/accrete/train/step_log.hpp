/// The steps of a training run as CSV for spreadsheets and as JSON lines for programs.
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <accrete/report/log.hpp>
#include <accrete/train/trainer.hpp>

ACCRETE_BEGIN_NAMESPACE

/// Writes `<stem>.csv` and `<stem>.jsonl`, a row per step: step, loss (nats), learning rate, gradient norm, targets so far,
/// seconds, attempts that were skipped before it, and the validation loss and the prefix cache's hit rate where there are any. The first JSON line names the engine.
class StepLog {
 public:
  /// Goes on after `steps_done`: rows of steps that were lost with an interrupted run are cut off.
  StepLog(std::filesystem::path const& stem, Index steps_done, std::string const& engine)
      : stem_(stem) {
    go_on_after(steps_done);
    if (steps_done == 0) lines_->append(Json::object({{"step", Index{0}}, {"engine", engine}}));
  }

  /// Where the run has gone back to a checkpoint, the rows of steps that were lost by that are cut off, too.
  void append(StepReport const& report) {
    if (report.roll_backs > 0) go_on_after(report.step - 1);
    auto const text = [](std::optional<double> value) {
      return value ? CsvCell(*value).text() : std::string();
    };
    csv_->append({report.step, report.loss, report.learning_rate, report.gradient_norm,
                  report.total_tokens, report.seconds, report.skipped, text(report.validation_loss),
                  text(report.prefix_hit_rate)});
    Json row = Json::object({{"step", report.step},
                             {"loss", report.loss},
                             {"learning_rate", report.learning_rate},
                             {"gradient_norm", report.gradient_norm},
                             {"total_tokens", report.total_tokens},
                             {"seconds", report.seconds},
                             {"skipped", report.skipped}});
    if (report.validation_loss) row["validation_loss"] = Json(*report.validation_loss);
    if (report.roll_backs > 0) row["roll_backs"] = Json(report.roll_backs);
    if (report.prefix_hit_rate) row["prefix_hit_rate"] = Json(*report.prefix_hit_rate);
    if (!report.warning.empty()) row["warning"] = Json(report.warning);
    lines_->append(row);
  }

 private:
  void go_on_after(Index steps_done) {
    csv_.emplace(CsvLog::resume(with_ending(stem_, ".csv"), columns(), steps_done));
    lines_.emplace(JsonLinesLog::resume(with_ending(stem_, ".jsonl"), steps_done));
  }
  static std::vector<std::string> columns() {
    return {"step",    "loss",    "learning_rate",   "gradient_norm",  "total_tokens",
            "seconds", "skipped", "validation_loss", "prefix_hit_rate"};
  }
  static std::filesystem::path with_ending(std::filesystem::path stem, char const* ending) {
    stem += ending;
    return stem;
  }

  std::filesystem::path stem_;
  std::optional<CsvLog> csv_;
  std::optional<JsonLinesLog> lines_;
};

ACCRETE_END_NAMESPACE
