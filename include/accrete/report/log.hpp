/// Logs that survive a crash: each row is written at once, and a resumed run continues them without a row twice.
///
///     CsvLog log("out/train.csv", {"step", "loss", "tokens_per_second"});
///     log.append({step, loss, rate});
///     CsvLog log = CsvLog::resume("out/train.csv", {"step", "loss", "tokens_per_second"}, checkpoint_step);
#pragma once

#include <accrete/report/csv_log.hpp>
#include <accrete/report/json_lines_log.hpp>
