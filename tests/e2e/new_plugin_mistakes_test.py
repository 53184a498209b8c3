"""What `repal new-plugin` does not take: one line that says why, and no folder."""

import unittest

from program import ProgramTest


class Mistakes(ProgramTest):
    def refuse_and_leave(self, arguments, *fragments):
        before = sorted(self.folder.rglob("*"))
        self.refuse(["new-plugin", *arguments], *fragments)
        self.assertEqual(sorted(self.folder.rglob("*")), before)

    def test_a_name_that_is_none_names_the_nearest(self):
        for name, nearest in (("MeanLag", "mean_lag"), ("mean-lag 2", "mean_lag_2"), ("_x", "x"), ("2nd", "metric_2nd"),
                              ("../up", "up"), ("DSA", "dsa"), ("LagL2", "lag_l2"), ("größe", "gr_e")):
            self.refuse_and_leave(["metric", name], f"'{name}': a metric has a name of lower-case letters, digits and _",
                                  f"did you mean '{nearest}'?")
        self.refuse_and_leave(["task", ""], "e.g. my_task")
        self.refuse_and_leave(["task", "?"], "e.g. my_task")

    def test_unknown_kind(self):
        self.refuse_and_leave(["metrik", "mean_lag"], "unknown kind of plugin 'metrik'", "did you mean 'metric'?")
        self.refuse_and_leave(["network", "mean_lag"], "unknown kind of plugin 'network'", "one of: metric, task")

    def test_a_name_that_a_plugin_has(self):
        self.refuse_and_leave(["metric", "cka"], "there is a metric 'cka' already", "metric_cka.so")
        self.refuse_and_leave(["metric", "line"], "there is a task 'line' already", "task_line.so")

    def test_a_folder_with_something_in_it(self):
        (self.folder / "mean_lag").mkdir()
        (self.folder / "mean_lag" / "mine.txt").write_text("mine")
        self.refuse_and_leave(["metric", "mean_lag"], "mean_lag: this folder is there already and not empty")
        self.refuse_and_leave(["metric", "mean_lag", "mean_lag/mine.txt"], "there is a file of that name already")
        self.refuse_and_leave(["metric", "mean_lag", "mean_lag/mine.txt/below"], "mean_lag/mine.txt/below: cannot be made")
        self.assertEqual((self.folder / "mean_lag" / "mine.txt").read_text(), "mine")

    def test_the_current_folder_and_one_that_cannot_be_written(self):
        self.refuse_and_leave(["metric", "mean_lag", "."], "this is the current folder")
        self.refuse_and_leave(["metric", "mean_lag", "/proc/mean_lag"], "/proc/mean_lag: cannot be made")
        self.refuse_and_leave(["metric", "mean_lag", "x" * 300], "cannot be made: File name too long")

    def test_an_empty_folder_is_taken_and_a_slash_at_the_end_means_nothing(self):
        (self.folder / "empty").mkdir()
        for folder in ("empty", "new/below/"):
            self.succeed("new-plugin", "task", "mean_lag", folder)
            self.assertTrue((self.folder / folder / "mean_lag.cpp").is_file())
        self.assertEqual({file.name for file in self.folder.iterdir()}, {"empty", "new"})

    def test_a_program_that_is_no_installation_says_so(self):
        self.assertIn("install repal (cmake --install): ", self.succeed("new-plugin", "metric", "mean_lag").stdout)

    def test_the_name_of_a_class_of_the_example(self):
        for name, used in (("profile", "ProfilePlugin"), ("eigen", "EigenPlugin"), ("mean", "Mean")):
            self.succeed("new-plugin", "metric", name)
            self.assertIn(f"class {used} final", (self.folder / name / f"{name}.cpp").read_text())


if __name__ == "__main__":
    unittest.main()
