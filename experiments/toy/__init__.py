"""The paper's toy studies (sec. 5)."""
