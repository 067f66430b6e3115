#include "process/settings.hpp"

#include <array>

#include "sys/children.hpp"
#include "sys/surroundings.hpp"

namespace multiprocessing::process {
namespace {

void put_streams(const ProcessOptions& settings) {
  const std::array streams{&settings.stdin_, &settings.stdout_, &settings.stderr_};
  for (std::size_t number = 0; number < streams.size(); ++number) {
    const auto& stream = *streams[number];
    if (stream) sys::put_descriptor_at(static_cast<int>(number), stream->fileno());
  }
}

}  // namespace

void apply_settings(const ProcessOptions* settings) {
  static const ProcessOptions none;
  const ProcessOptions& wanted = settings != nullptr ? *settings : none;
  // First: what goes wrong after it is told where the child's errors go.
  if (!wanted.stdin_) sys::empty_stdin();
  put_streams(wanted);
  sys::purge_stdin();
  if (wanted.new_group) sys::lead_own_group(0);
  if (!wanted.cwd.empty()) sys::change_directory(wanted.cwd.native());
  for (const auto& [name, value] : wanted.env) sys::set_environment(name, value);
  if (!wanted.cpus.empty()) sys::use_cpus(wanted.cpus);
  if (wanted.nice != 0) sys::add_niceness(wanted.nice);
  if (wanted.memory_limit) sys::limit_memory(*wanted.memory_limit);
}

}  // namespace multiprocessing::process
