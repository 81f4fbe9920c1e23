"""Names, order and fixed numbers of the challenge's events.

Source: docs/protocol.md#data-file, docs/protocol.md#derived-features.

Units: pT, MET and masses in GeV, angles in radians.
"""

#: Value of an entry that is not defined for the event, such as the pT of a jet that is not there.
UNDEFINED = -25.0

PRIMARIES = (
    "PRI_lep_pt",
    "PRI_lep_eta",
    "PRI_lep_phi",
    "PRI_had_pt",
    "PRI_had_eta",
    "PRI_had_phi",
    "PRI_jet_leading_pt",
    "PRI_jet_leading_eta",
    "PRI_jet_leading_phi",
    "PRI_jet_subleading_pt",
    "PRI_jet_subleading_eta",
    "PRI_jet_subleading_phi",
    "PRI_n_jets",
    "PRI_jet_all_pt",
    "PRI_met",
    "PRI_met_phi",
)

DERIVED = (
    "DER_mass_transverse_met_lep",
    "DER_mass_vis",
    "DER_pt_h",
    "DER_deltaeta_jet_jet",
    "DER_mass_jet_jet",
    "DER_prodeta_jet_jet",
    "DER_deltar_had_lep",
    "DER_pt_tot",
    "DER_sum_pt",
    "DER_pt_ratio_lep_had",
    "DER_met_phi_centrality",
    "DER_lep_eta_centrality",
)

FEATURES = PRIMARIES + DERIVED

#: Columns of the data file; older releases end at "labels".
FILE_COLUMNS = PRIMARIES + ("weights", "detailed_labels", "labels") + DERIVED

#: The four processes, in the order of the test set.
PROCESSES = ("ztautau", "diboson", "ttbar", "htautau")
SIGNAL = "htautau"

#: Expected events per process at mu = 1 for LUMINOSITY, before the post-selection (published table of the data set).
YIELDS = {"ztautau": 1_002_395.0, "diboson": 3_783.0, "ttbar": 44_190.0, "htautau": 1_015.0}
#: What the official metadata say the weights of any loaded sample are rescaled to.
SUM_WEIGHTS = 1_051_433.0
#: Integrated luminosity in 1/fb.
LUMINOSITY = 10

#: What a model's `predict` returns: mu_hat, its error and the ends of the 68.27% interval.
PREDICTION_KEYS = ("mu_hat", "delta_mu_hat", "p16", "p84")
#: The lists of these numbers in the `result_{i}.json` of a set, in the same order.
RESULT_LISTS = ("mu_hats", "delta_mu_hats", "p16", "p84")

#: Thresholds of the post-selection in GeV (docs/protocol.md#systematics, step 5).
MIN_HAD_PT, MIN_JET_PT, MIN_LEP_PT = 26.0, 26.0, 20.0

DATA_FILE = "FAIR_Universe_HiggsML_data.parquet"
METADATA_FILE = "FAIR_Universe_HiggsML_data_metadata.json"
