#include "process/birth_ticket.hpp"

#include <utility>

#include <multiprocessing/detail/codec.hpp>
#include <multiprocessing/errors.hpp>

#include "process/log.hpp"
#include "process/start_method.hpp"
#include "shm/process_table.hpp"
#include "wire/module_table.hpp"

namespace multiprocessing::process {
namespace {

using detail::decode_value;
using detail::encode_value;

// The settings that travel as values.
struct Settings {
  bool new_group = false;
  std::string cwd;
  std::map<std::string, std::string> env;
  std::optional<std::size_t> memory_limit;
  std::vector<int> cpus;
  int nice = 0;
};

struct Who {
  std::string title;
  std::string path;
  std::uint64_t parent_name = 0;
  int parent_pid = 0;
  std::string parent_title;
  bool has_sentinel = false;
  bool dies_with_parent = false;
  bool ignore_sigint = false;
  bool daemon = false;
  bool listed_worker = false;
};

struct AsParent {
  int method = -1;
  std::uint64_t ignored = 0;
  std::uint64_t blocked = 0;
  std::string directory;
  std::vector<std::string> environment;
};

std::string own_build() {
  const wire::Module& program = wire::loaded_modules().front();
  return program.path + " (" + program.build + ")";
}

Settings settings_of(const ProcessOptions* options) {
  if (options == nullptr) return {};
  return {options->new_group,    options->cwd.native(), options->env,
          options->memory_limit, options->cpus,         options->nice};
}

Who who_of(const Birth& birth) {
  return {birth.title,
          birth.path,
          shm::pack_name(birth.parent.name),
          birth.parent.pid,
          birth.parent.title,
          birth.has_sentinel,
          birth.dies_with_parent,
          birth.ignore_sigint,
          birth.daemon,
          birth.listed_worker};
}

void take(Newborn& newborn, Who who) {
  Birth& birth = newborn.birth;
  birth.title = std::move(who.title);
  birth.path = std::move(who.path);
  birth.parent = {shm::unpack_name(who.parent_name), who.parent_pid, std::move(who.parent_title)};
  birth.has_sentinel = who.has_sentinel;
  birth.dies_with_parent = who.dies_with_parent;
  birth.ignore_sigint = who.ignore_sigint;
  birth.daemon = who.daemon;
  birth.listed_worker = who.listed_worker;
}

void take(Newborn& newborn, AsParent parent) {
  newborn.birth.program_signals = ProgramSignals{parent.ignored, parent.blocked};
  newborn.birth.directory = std::move(parent.directory);
  newborn.birth.environment = std::move(parent.environment);
  set_inherited_method(parent.method);
}

void take(Newborn& newborn, Settings settings) {
  newborn.settings.new_group = settings.new_group;
  newborn.settings.cwd = std::move(settings.cwd);
  newborn.settings.env = std::move(settings.env);
  newborn.settings.memory_limit = settings.memory_limit;
  newborn.settings.cpus = std::move(settings.cpus);
  newborn.settings.nice = settings.nice;
}

void require_same_build(const std::string& other) {
  const std::string own = own_build();
  if (other == own) return;
  throw ValueError("this process was started by another build of the program: " + other +
                   " there, " + own + " here");
}

}  // namespace

void write_ticket(detail::Writer& out, TicketKind kind, const Birth& birth, StreamBits streams,
                  const Work* work) {
  out.plain(shm::TicketHead{});
  out.plain(kind);
  encode_value(out, own_build());
  encode_value(out, who_of(birth));
  const ProgramSignals signals = birth.program_signals.value_or(ProgramSignals{});
  encode_value(out, AsParent{inheritable_method(), signals.ignored, signals.blocked,
                             birth.directory, birth.environment});
  encode_value(out, settings_of(birth.settings));
  out.plain(streams);
  if (work == nullptr) return;
  detail::encode_token(out, detail::token_of_function(work->there));
  write_log_heritage(out);
  work->encode(out);
}

sys::UniqueFd seal_ticket(detail::Writer& out, shm::TicketHead head) {
  head.size = out.size();
  out.patch(0, &head, sizeof head);
  return sys::seal_bytes("multiprocessing-ticket", out.view());
}

Newborn read_ticket(detail::Reader& in) {
  (void)in.plain<shm::TicketHead>();
  Newborn newborn;
  newborn.kind = in.plain<TicketKind>();
  require_same_build(decode_value<std::string>(in));
  take(newborn, decode_value<Who>(in));
  take(newborn, decode_value<AsParent>(in));
  take(newborn, decode_value<Settings>(in));
  newborn.streams = in.plain<StreamBits>();
  if (newborn.kind == TicketKind::process) {
    newborn.work = detail::function_of_token<WorkFunction>(detail::decode_token(in));
  }
  return newborn;
}

}  // namespace multiprocessing::process
