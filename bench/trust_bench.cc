// room: trust
// trust_bench FOLDER DNS ROUNDS: checks the messages that bench/trust.py has written into FOLDER, DNS ("ip@port") warm
// from a first round, and prints the CPU time of one message in microseconds, all threads of the process.
#include <sys/resource.h>

#include <cstdio>
#include <cstdlib>
#include <fstream>
#include <future>
#include <iterator>
#include <map>

#include "base/text.h"
#include "net/io_loop.h"
#include "trust/authenticate.h"

namespace {

using namespace pabal;

std::string read(const std::string& file) {
  std::ifstream in(file, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

double cpu_micros() {
  rusage used{};
  getrusage(RUSAGE_SELF, &used);
  const auto micros = [](const timeval& t) {
    return static_cast<double>(t.tv_sec) * 1e6 + static_cast<double>(t.tv_usec);
  };
  return micros(used.ru_utime) + micros(used.ru_stime);
}

struct Counted {
  std::map<std::string, size_t> verdicts;
  double cpu = 0;  // of all rounds but the first
};

Task<void> run(net::Loop& loop, dns::Resolver& resolver, const std::vector<trust::Arrived>& messages, int rounds,
               std::promise<Counted>& done) {
  Counted counted;
  double begin = 0;
  for (int round = 0; round <= rounds; ++round) {
    if (round == 1) begin = cpu_micros();
    for (const trust::Arrived& message : messages) {
      Task<trust::Verdict> checking = trust::authenticate({loop, resolver, loop.now() + trust::kCheckTime}, message);
      const trust::Verdict verdict = co_await checking;
      if (round > 0) continue;
      std::string what = "spf=" + std::string(trust::outcome_name(verdict.mail_from.result));
      for (const trust::Dkim& dkim : verdict.dkim) what += " dkim=" + std::string(trust::outcome_name(dkim.result));
      what += " arc=" + std::string(trust::outcome_name(verdict.arc.result));
      what += " dmarc=" + std::string(trust::outcome_name(verdict.dmarc.result));
      ++counted.verdicts[what];
    }
  }
  counted.cpu = cpu_micros() - begin;
  done.set_value(std::move(counted));
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 4) return std::fprintf(stderr, "trust_bench FOLDER DNS ROUNDS\n"), 2;
  const std::string folder = argv[1], index = read(folder + "/index.tsv");
  std::vector<trust::Arrived> messages;
  for (const std::string_view line : text::split(index, '\n')) {
    const auto fields = text::split(line, '\t');
    if (fields.size() != 4) continue;
    auto bytes = std::make_shared<const std::string>(read(folder + "/" + std::string(fields[0])));
    messages.push_back(
        {std::string(fields[1]), std::string(fields[2]), std::string(fields[3]), "mail.example.com", bytes});
  }
  dns::UnboundOptions options;
  options.forwarder = argv[2];
  options.resolv_conf.clear();
  options.trust_anchor_file.clear();
  const auto resolver = dns::make_unbound(options);
  if (!resolver || messages.empty()) return std::fprintf(stderr, "no messages, or no resolver\n"), 1;
  net::IoLoops loops(1);
  std::promise<Counted> promise;
  auto future = promise.get_future();
  const int rounds = std::atoi(argv[3]);
  loops.loop(0).spawn(run(loops.loop(0), **resolver, messages, rounds, promise));
  const Counted counted = future.get();
  for (const auto& [what, count] : counted.verdicts) std::printf("%zu\t%s\n", count, what.c_str());
  std::printf("cpu_us\t%.1f\n", counted.cpu / (static_cast<double>(messages.size()) * rounds));
  return 0;
}
