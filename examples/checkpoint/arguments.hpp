/// What the user asked accrete-checkpoint for.
#pragma once

#include <algorithm>
#include <array>
#include <boost/program_options.hpp>
#include <iostream>
#include <string>
#include <string_view>
#include <vector>

/// How the program ends; errors of usage are 2.
enum Status : int { is_so = 0, is_damaged = 1, is_not_so = 3 };

struct Arguments {
  std::string command{};
  std::vector<std::string> files{};
  std::string out{};
  bool json = false, tensors = false, verify = true, moments = false;
};

/// Returns false after --help, which is printed; boost::program_options::error for what makes no sense.
[[nodiscard]] inline bool read_arguments(int argument_count, char** words, Arguments& arguments) {
  namespace options = boost::program_options;
  constexpr std::array<std::string_view, 4> commands{"inspect", "verify", "diff", "convert"};
  options::options_description description(
      "accrete-checkpoint inspect|verify|diff|convert [options] FILE...\n\n"
      "inspect FILE           says what is in a checkpoint or another safetensors file\n"
      "verify FILE...         reads whole files and compares all bytes with their hashes\n"
      "diff FILE FILE         says in what two files differ\n"
      "convert FILE --out NEW writes the parameters alone, under their names in the model\n\n"
      "Ends with 0; 1 for a file that is damaged or cannot be read or written; 2 for wrong "
      "arguments; 3 if files differ, or one has no hashes to verify.\n\nOptions");
  auto add = description.add_options();
  add("help", "this text");
  add("out", options::value(&arguments.out), "convert: the new file");
  add("moments", options::bool_switch(&arguments.moments),
      "convert: the optimizer's moments, too, under the names that they have");
  add("tensors", options::bool_switch(&arguments.tensors), "inspect: list them");
  add("json", options::bool_switch(&arguments.json), "print one JSON object");
  add("no-verify", "inspect, diff, convert: read what is there, damaged or not");
  options::options_description all;
  all.add(description);
  all.add_options()("command", options::value(&arguments.command));
  all.add_options()("files", options::value(&arguments.files));
  options::positional_options_description positions;
  positions.add("command", 1).add("files", -1);
  options::variables_map values;
  options::store(
      options::command_line_parser(argument_count, words).options(all).positional(positions).run(),
      values);
  options::notify(values);
  if (values.count("help") != 0) {
    std::cout << description;
    return false;
  }
  if (arguments.command.empty()) throw options::error("a command is missing");
  if (std::ranges::find(commands, arguments.command) == commands.end())
    throw options::error("unknown command " + arguments.command);
  arguments.verify = values.count("no-verify") == 0;
  std::size_t const wanted = arguments.command == "diff" ? 2 : 1;
  bool const any_number = arguments.command == "verify";
  if (arguments.files.size() < wanted || (!any_number && arguments.files.size() > wanted))
    throw options::error(arguments.command + " needs " +
                         (any_number    ? "one file or more"
                          : wanted == 1 ? "one file"
                                        : "two files"));
  if (arguments.command == "convert" && arguments.out.empty())
    throw options::error("convert needs --out");
  return true;
}
