// SPDX-License-Identifier: Apache-2.0
// What carries the rows of a sweep: messages, workers, SQLite, gathering, fronts, audits.
#include <doctest/doctest.h>
#include <signal.h>
#include <unistd.h>

#include <filesystem>
#include <limits>
#include <set>

#include "numerics/errors.hpp"
#include "sweep/audit.hpp"
#include "sweep/database.hpp"
#include "sweep/gather.hpp"
#include "sweep/process_pool.hpp"
#include "sweep/query.hpp"

using namespace tactus;
using namespace tactus::sweep;

namespace {

/// A folder of its own.
struct Folder {
  Folder() {
    char name[] = "/tmp/tactus_sweep_test_XXXXXX";
    path = mkdtemp(name);
  }
  Folder(const Folder&) = delete;
  Folder& operator=(const Folder&) = delete;
  ~Folder() { std::filesystem::remove_all(path); }
  [[nodiscard]] std::string file(const std::string& name) const { return path + "/" + name; }
  std::string path;
};

/// A spec of ten points with a model that is never opened.
struct Fixture {
  Spec spec = parse_spec("[models]\nm=m.h5\n[axes]\nmem.latency_cycles=1..10\n", "x.ini", "");
  std::vector<LoadedModel> models = std::vector<LoadedModel>(1);
  Fixture() {
    models[0].label = "m";
    models[0].sha256 = std::string(64, 'a');
  }
  [[nodiscard]] Head head(const Shard& shard = {}) const {
    return {spec, models, 10, shard, false};
  }
  [[nodiscard]] TableRow point(std::int64_t number, std::int64_t cycles) const {
    TableRow row;
    const auto columns = columns_of(Table::points, spec);
    row.cells = {"hash" + std::to_string(number),
                 number,
                 std::string("ok"),
                 {},
                 std::string("m"),
                 number + 1};
    for (std::size_t i = row.cells.size(); i + 1 < columns.size(); ++i) {
      row.cells.emplace_back(columns[i].name == "cycles" ? cycles : number);
    }
    row.cells.emplace_back();
    return row;
  }
};

std::int64_t count_of(const Sqlite& db, const std::string& table) {
  Statement query(db, "SELECT COUNT(*) FROM " + table);
  query.step();
  return query.integer(0);
}

}  // namespace

TEST_CASE("rows survive the way from a worker") {
  const std::vector<TableRow> rows = {
      {Table::points, {std::string("a\0b", 3), std::int64_t{-5}, 0.1, std::monostate{}}},
      {Table::audits, {}},
      {Table::layers, {std::numeric_limits<std::int64_t>::min(), std::string()}}};
  const auto back = decode(encode(rows));
  REQUIRE(back.size() == 3);
  for (std::size_t i = 0; i < 3; ++i) {
    CHECK(back[i].table == rows[i].table);
    CHECK(back[i].cells == rows[i].cells);
  }
  const std::string bytes = encode(rows);
  CHECK_THROWS_AS(static_cast<void>(decode(bytes.substr(0, bytes.size() - 1))), InternalError);
}

TEST_CASE("workers answer every task once") {
  ProcessPool pool(3, [](const std::string& task, const Reply& reply) {
    reply("a" + task);
    reply("b" + task);
  });
  int next = 0;
  std::multiset<std::string> got;
  ProcessPool::Parent parent;
  parent.next = [&](std::size_t) -> std::optional<std::string> {
    if (next == 50) return std::nullopt;
    return std::to_string(next++);
  };
  parent.receive = [&](const std::string& message) { got.insert(message); };
  parent.tick = [] {};
  pool.run(parent);
  CHECK(got.size() == 100);
  CHECK(got.count("a49") == 1);
  next = 40;
  pool.run(parent);
  CHECK(got.count("b45") == 2);
  CHECK(pool.finish() > 0);
}

TEST_CASE("what a worker throws, and its death, reach the parent") {
  const auto run = [](const Work& work) {
    ProcessPool pool(2, work);
    int next = 0;
    ProcessPool::Parent parent;
    parent.next = [&](std::size_t) -> std::optional<std::string> { return std::to_string(next++); };
    parent.receive = [](const std::string&) {};
    parent.tick = [] {};
    pool.run(parent);
  };
  CHECK_THROWS_WITH_AS(run([](const std::string& task, const Reply&) {
                         if (task == "7") throw BadInput("seven");
                       }),
                       "seven", BadInput);
  CHECK_THROWS_AS(run([](const std::string& task, const Reply&) {
                    if (task == "5") kill(getpid(), SIGKILL);
                  }),
                  InternalError);
}

TEST_CASE("a database keeps what was committed and knows what is missing") {
  const Folder folder;
  const Fixture fixture;
  const std::string path = folder.file("a.sqlite");
  {
    Writer writer = Writer::create(path, fixture.head());
    CHECK(writer.insert(fixture.point(3, 100)));
    CHECK(writer.insert(fixture.point(4, 90)));
    writer.commit();
    CHECK(writer.insert(fixture.point(5, 80)));
  }
  Writer writer = Writer::resume(path, fixture.head());
  const std::vector<bool> done = writer.points_done();
  CHECK(done[3]);
  CHECK(done[4]);
  CHECK_FALSE(done[5]);
  CHECK(writer.insert(fixture.point(3, 100)));
  CHECK_FALSE(writer.insert(fixture.point(3, 777)));
  writer.commit();
  CHECK(count_of(writer.database(), "points") == 2);
  CHECK_THROWS_AS(Writer::create(path, fixture.head()), BadInput);
  CHECK_THROWS_AS(Writer::resume(path, fixture.head({1, 2})), BadInput);
  Fixture other;
  other.models[0].sha256 = std::string(64, 'b');
  CHECK_THROWS_AS(Writer::resume(path, other.head()), BadInput);
}

TEST_CASE("an empty file of a sweep that was killed at once is started again") {
  const Folder folder;
  const Fixture fixture;
  const std::string path = folder.file("a.sqlite");
  { const Sqlite empty(path, Sqlite::Mode::create); }
  Writer writer = Writer::resume(path, fixture.head());
  CHECK(count_of(writer.database(), "points") == 0);
}

TEST_CASE("a newer database and a foreign file are refused") {
  const Folder folder;
  const Fixture fixture;
  const std::string path = folder.file("a.sqlite");
  { const Writer writer = Writer::create(path, fixture.head()); }
  {
    const Sqlite db(path, Sqlite::Mode::write);
    db.run("UPDATE meta SET value = '2' WHERE key = 'version'");
  }
  CHECK_THROWS_AS(static_cast<void>(open_sweep(path, Sqlite::Mode::read)), BadInput);
  const std::string plain = folder.file("b.sqlite");
  {
    const Sqlite db(plain, Sqlite::Mode::create);
    db.run("CREATE TABLE t (x)");
  }
  CHECK_THROWS_AS(static_cast<void>(open_sweep(plain, Sqlite::Mode::read)), BadInput);
  CHECK_THROWS_AS(static_cast<void>(open_sweep(folder.file("none"), Sqlite::Mode::read)), BadInput);
  CHECK_THROWS_AS(static_cast<void>(open_sweep(folder.path, Sqlite::Mode::read)), BadInput);
}

TEST_CASE("shards are gathered, and parts that disagree are refused") {
  const Folder folder;
  const Fixture fixture;
  const auto part = [&](const std::string& name, const Shard& shard,
                        const std::vector<std::pair<std::int64_t, std::int64_t>>& points) {
    Writer writer = Writer::create(folder.file(name), fixture.head(shard));
    for (const auto& [number, cycles] : points) CHECK(writer.insert(fixture.point(number, cycles)));
    writer.commit();
    return folder.file(name);
  };
  const std::string a = part("a", {0, 2}, {{0, 10}, {1, 20}});
  const std::string b = part("b", {1, 2}, {{1, 20}, {2, 30}});
  const std::string c = part("c", {1, 2}, {{1, 21}});
  const std::string out = folder.file("out.sqlite");
  const GatherSummary sum = gather({a, b}, out);
  CHECK(sum.points == 10);
  CHECK(sum.gathered == 3);
  CHECK(meta(open_sweep(out, Sqlite::Mode::read), "shard") == "0/1");
  CHECK(Writer::resume(out, fixture.head()).points_done()[2]);
  CHECK_THROWS_AS(static_cast<void>(gather({a, c}, folder.file("bad.sqlite"))), BadInput);
  CHECK_FALSE(std::filesystem::exists(folder.file("bad.sqlite")));
  CHECK_THROWS_AS(static_cast<void>(gather({}, out)), BadInput);
}

TEST_CASE("the front is what nobody dominates") {
  using Points = std::vector<std::vector<double>>;
  using Places = std::vector<std::size_t>;
  CHECK(pareto_front({}).empty());
  CHECK(pareto_front(Points{{3}, {1}, {2}, {1}}) == Places{1, 3});
  CHECK(pareto_front(Points{{1, 5}, {2, 4}, {2, 5}, {3, 3}, {2, 4}}) == Places{0, 1, 3, 4});
  // Against the definition, on points of three numbers from 0 to 5.
  Points points;
  Random random(4);
  for (int i = 0; i < 300; ++i) {
    std::vector<double> p;
    for (int k = 0; k < 3; ++k) p.push_back(static_cast<double>(random.below(6)));
    points.push_back(p);
  }
  Places expected;
  for (std::size_t i = 0; i < points.size(); ++i) {
    bool dominated = false;
    for (const auto& q : points) {
      const bool no_worse = q[0] <= points[i][0] && q[1] <= points[i][1] && q[2] <= points[i][2];
      dominated = dominated || (no_worse && q != points[i]);
    }
    if (!dominated) expected.push_back(i);
  }
  CHECK(pareto_front(points) == expected);
}

TEST_CASE("the audited share is seeded and about as large as asked") {
  const AuditShare some{0.02, 1}, other{0.02, 2};
  int count = 0, different = 0;
  for (std::uint64_t p = 0; p < 50'000; ++p) {
    count += some.takes(p) ? 1 : 0;
    different += some.takes(p) != other.takes(p) ? 1 : 0;
  }
  CHECK(count > 850);
  CHECK(count < 1150);
  CHECK(different > 1000);
  CHECK(AuditShare{1, 1}.takes(3));
  CHECK_FALSE(AuditShare{0, 1}.takes(3));
  CHECK(parse_share("2%") == doctest::Approx(0.02));
  CHECK(parse_share("0.5") == doctest::Approx(0.5));
  for (const char* text : {"", "%", "200%", "-1", "x", "nan"}) {
    CAPTURE(text);
    CHECK_THROWS_AS(static_cast<void>(parse_share(text)), BadInput);
  }
}

TEST_CASE("an audit sees one wrong figure") {
  RunReport run;
  run.layers.resize(1);
  run.layers[0].id = "000_a";
  DesignPoint point;
  point.layers.resize(1);
  CHECK(difference(point, run).empty());
  point.layers[0].stalls.psum = 1;
  CHECK(difference(point, run).find("000_a") != std::string::npos);
  point.layers[0].stalls.psum = 0;
  point.events[Event::act_zero] = 1;
  CHECK(difference(point, run).empty());
  point.value_events = true;
  CHECK(difference(point, run).find("act_zero") != std::string::npos);
}
