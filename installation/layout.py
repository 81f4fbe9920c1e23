"""Where the files of this project go when it is installed; called by hatchling, see pyproject.toml."""

from hatchling.builders.hooks.plugin.interface import BuildHookInterface


class Layout(BuildHookInterface):
    """The rooms side by side, as in the repository, in a folder that `higgsml_cnf.pth` puts on the search path.

    As packages beside all others they would take names from submissions, whose folder comes last on the search path.
    From a folder of their own `ingestion_test.submissions.set_path` can take them away.
    """

    def initialize(self, version, build_data):
        """Name the files of a wheel; an editable installation points to the repository and has none."""
        if version == "standard":
            build_data["force_include"] |= {name: f"higgsml_cnf/{name}" for name in self.config["content"]}
            build_data["force_include"]["installation/higgsml_cnf.pth"] = "higgsml_cnf.pth"
