/// JSON values: made, asked, changed, parsed and written.
///
///     Json report = Json::object({{"name", "en-ru"}, {"parameters", 1'234'567}});
///     report["loss"] = Json::array(losses);
///     write_file_atomically("report.json", report.dump(2));
///     std::int64_t steps = Json::parse(text, "plan.json").at("steps").as_int();
///
/// For texts of many megabytes, or to check a value where it stands, JsonReader reads without making values.
#pragma once

#include <accrete/io/json_access.hpp>
#include <accrete/io/json_parser.hpp>
#include <accrete/io/json_reader.hpp>
#include <accrete/io/json_value.hpp>
#include <accrete/io/json_writer.hpp>
